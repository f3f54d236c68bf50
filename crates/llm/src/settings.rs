//! A model as command line and environment name it, the same for every process that uses one.

use std::{path::PathBuf, sync::Arc};

use model::{ErrorClass, Failure};
use service::env;

use crate::{
    key::ApiKey,
    limits::{CALL_TIMEOUT, MAX_KEY_BYTES},
    price::Price,
    provider::Provider,
    remote::{Config, Dialect, Remote},
};

/// Which model is used, and at what price. The default names none.
#[derive(Clone, Default, clap::Args)]
#[group(id = "model_settings")]
pub struct Settings {
    /// Whose wire format the model's server speaks: openai (every compatible server), anthropic or gemini;
    /// openai when absent.
    #[arg(long, env = env::MODEL_PROVIDER, value_name = "NAME", requires = "model")]
    pub model_provider: Option<Dialect>,
    /// Base URL of the model provider; its own public address when absent and a provider is named.
    #[arg(long, env = env::MODEL_URL, value_name = "URL", requires = "model")]
    pub model_url: Option<String>,
    /// The model's name at the provider.
    #[arg(long, env = env::MODEL, value_name = "NAME")]
    pub model: Option<String>,
    /// The provider's API key; better given by its environment variable or a file than here.
    #[arg(long, env = env::MODEL_KEY, value_name = "KEY", hide_env_values = true, conflicts_with = "model_key_file")]
    pub model_key: Option<String>,
    /// File with the provider's API key.
    #[arg(long, env = env::MODEL_KEY_FILE, value_name = "FILE")]
    pub model_key_file: Option<PathBuf>,
    /// Tokens that the model may think before it writes, on top of what it may write. Only for models that
    /// think: they get no temperature then.
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    pub model_thinking_tokens: u32,
    /// What a million input tokens cost, millionths of a US dollar.
    #[arg(long, value_name = "MICROUSD", default_value_t = 0)]
    pub model_input_price: u64,
    /// What a million input tokens cost that the provider had cached; as any other input when absent.
    #[arg(long, value_name = "MICROUSD")]
    pub model_cached_price: Option<u64>,
    /// What a million output tokens cost, millionths of a US dollar.
    #[arg(long, value_name = "MICROUSD", default_value_t = 0)]
    pub model_output_price: u64,
}

impl Settings {
    /// The model; none when neither a provider nor an address is named. Connects to nothing yet.
    ///
    /// # Errors
    /// `InvalidInput` for an address that is none or a missing name, `Auth` for a key that is none or a file
    /// that cannot be read.
    pub fn provider(&self) -> Result<Option<Arc<dyn Provider>>, Failure> {
        let url = self.url().map(str::to_owned);
        if url.is_none() && self.model_provider.is_none() {
            return Ok(None);
        }
        let dialect = self.model_provider.unwrap_or_default();
        let usual = Config::new(dialect, self.model.clone().unwrap_or_default());
        let config = Config {
            base_url: url.unwrap_or(usual.base_url),
            key: self.key()?,
            price: Price {
                input_microusd: self.model_input_price,
                cached_microusd: self.model_cached_price,
                output_microusd: self.model_output_price,
            },
            timeout: CALL_TIMEOUT,
            thinking_tokens: self.model_thinking_tokens,
            ..usual
        };
        Ok(Some(Arc::new(Remote::new(config)?)))
    }

    /// The model's name; none when none is used.
    pub fn name(&self) -> Option<&str> {
        let used = self.model_provider.is_some() || self.url().is_some();
        used.then(|| self.model.as_deref().unwrap_or_default())
    }

    fn url(&self) -> Option<&str> {
        let url = self.model_url.as_deref();
        url.filter(|url| !url.trim().is_empty())
    }

    fn key(&self) -> Result<Option<ApiKey>, Failure> {
        let text = match &self.model_key_file {
            None => self.model_key.clone(),
            Some(path) => Some(read_key(path).map_err(|why| {
                Failure::new(
                    ErrorClass::Auth,
                    format!("the API key cannot be read from {}: {why}", path.display()),
                )
            })?),
        };
        text.filter(|text| !text.trim().is_empty())
            .map(|text| ApiKey::new(&text))
            .transpose()
    }
}

fn read_key(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read;
    // One byte more than a key may have: a larger file is refused as a key and never read whole.
    let mut text = String::new();
    let most = MAX_KEY_BYTES as u64 + 1;
    std::fs::File::open(path)?
        .take(most)
        .read_to_string(&mut text)?;
    if text.trim().is_empty() {
        return Err(std::io::Error::other("the file is empty"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    fn parse(line: &[&str]) -> Result<Settings, clap::Error> {
        Line::try_parse_from([&["x"], line].concat()).map(|line| line.settings)
    }

    fn provider(line: &[&str]) -> Result<Option<Arc<dyn Provider>>, Failure> {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        parse(line).unwrap().provider()
    }

    #[test]
    fn no_provider_and_no_address_is_no_model() {
        assert!(provider(&[]).unwrap().is_none());
        assert!(
            provider(&["--model-url", " ", "--model", "m"])
                .unwrap()
                .is_none()
        );
        assert!(provider(&["--model", "m"]).unwrap().is_none());
    }

    #[test]
    fn a_name_or_an_address_makes_a_model() {
        for line in [
            &["--model-provider", "anthropic", "--model", "m"][..],
            &[
                "--model-provider",
                "gemini",
                "--model",
                "m",
                "--model-url",
                "http://localhost:1",
            ],
            &[
                "--model-url",
                "http://localhost:1/v1",
                "--model",
                "m",
                "--model-output-price",
                "7",
            ],
        ] {
            assert_eq!(provider(line).unwrap().unwrap().model(), "m");
        }
        let priced = provider(&[
            "--model-provider",
            "openai",
            "--model",
            "m",
            "--model-cached-price",
            "3",
        ]);
        assert_eq!(priced.unwrap().unwrap().price().cached_microusd, Some(3));
        for bad in [
            &["--model-provider", "anthropic"][..],
            &["--model-url", "http://localhost:1"],
            &["--model-provider", "other", "--model", "m"],
            &["--model-key", "k", "--model-key-file", "f"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_comes_from_a_file_and_is_not_shown() {
        let missing = provider(&[
            "--model-provider",
            "openai",
            "--model",
            "m",
            "--model-key-file",
            "/nowhere",
        ]);
        let failure = missing.err().unwrap();
        assert_eq!(failure.class, ErrorClass::Auth);
        assert!(failure.message.contains("/nowhere"));

        let path = std::env::temp_dir().join(format!("pressrun-key-{}", std::process::id()));
        for (content, good) in [("sk-canary\n", true), ("  \n", false), ("a b", false)] {
            std::fs::write(&path, content).unwrap();
            let file = path.to_str().unwrap();
            let got = provider(&[
                "--model-provider",
                "openai",
                "--model",
                "m",
                "--model-key-file",
                file,
            ]);
            assert_eq!(got.is_ok(), good, "{content:?}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
