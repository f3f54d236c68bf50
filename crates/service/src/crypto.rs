//! One TLS provider for the whole process.

/// Makes `ring` the TLS provider. First thing in `main`; calling it again changes nothing.
pub fn install_crypto() {
    // An error says that one is installed already: by an earlier call.
    let _installed = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    #[test]
    fn installing_twice_is_harmless() {
        super::install_crypto();
        super::install_crypto();
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
    }
}
