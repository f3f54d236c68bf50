use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::subject::Subject;

fn envelope(number: usize) -> Envelope {
    Envelope {
        subject: Subject::received(&format!("jobs.copy.{number}")),
        id: format!("job-{number}"),
        kind: "pressrun.job.v1.Job".to_owned(),
        traceparent: String::new(),
        signature: String::new(),
        body: Bytes::from(format!("{{\"n\":{number}}}")),
    }
}

fn signer() -> Signer {
    Signer::new(&Seed::generate().expect("randomness")).expect("a key")
}

fn signed(signer: &Signer, count: usize) -> Vec<Envelope> {
    let mut batch: Vec<_> = (0..count).map(envelope).collect();
    signer.sign_batch(&mut batch);
    batch
}

#[test]
fn every_envelope_of_a_batch_of_any_size_verifies() {
    let signer = signer();
    for count in (1..=17).chain([MAX_SIGNED_BATCH, MAX_SIGNED_BATCH + 3]) {
        let verifier = Verifier::new([signer.public_key().clone()]);
        for envelope in signed(&signer, count) {
            assert_eq!(verifier.verify(&envelope), Ok(()), "batch of {count}");
        }
    }
    signer.sign_batch(&mut []);
}

#[test]
fn each_forged_field_is_refused_even_after_the_true_one_was_verified() {
    let signer = signer();
    let verifier = Verifier::new([signer.public_key().clone()]);
    let batch = signed(&signer, 5);
    for envelope in &batch {
        verifier.verify(envelope).expect("true");
    }
    let forgeries: [fn(&mut Envelope); 4] = [
        |e| e.subject = Subject::received("jobs.copy.9"),
        |e| e.id.push('x'),
        |e| e.kind.push('x'),
        |e| e.body = Bytes::from_static(b"{\"n\":9}"),
    ];
    for (number, forge) in forgeries.iter().enumerate() {
        let mut forged = batch[2].clone();
        forge(&mut forged);
        let found = verifier.verify(&forged);
        assert_eq!(found, Err(SignatureError::Wrong), "forgery {number}");
    }
    let mut shifted = batch[2].clone();
    shifted.id = format!("{}{}", shifted.id, &shifted.kind[..1]);
    shifted.kind.remove(0);
    assert_eq!(verifier.verify(&shifted), Err(SignatureError::Wrong));
}

#[test]
fn a_signature_fits_no_other_message_and_no_other_key() {
    let signer = signer();
    let verifier = Verifier::new([signer.public_key().clone()]);
    let batch = signed(&signer, 5);
    let mut swapped = batch[0].clone();
    swapped.signature = batch[1].signature.clone();
    assert_eq!(verifier.verify(&swapped), Err(SignatureError::Wrong));

    let other = super::tests::signer();
    let stranger = signed(&other, 1).remove(0);
    assert_eq!(verifier.verify(&stranger), Err(SignatureError::UnknownKey));
    let (_, rest) = stranger.signature.split_once('.').expect("a key id");
    let mut claimed = stranger.clone();
    claimed.signature = format!("{}.{rest}", signer.public_key().id());
    assert_eq!(verifier.verify(&claimed), Err(SignatureError::Wrong));

    let both = Verifier::new([signer.public_key().clone(), other.public_key().clone()]);
    assert_eq!(both.verify(&stranger), Ok(()));
    assert_eq!(both.verify(&batch[4]), Ok(()));
}

#[test]
fn every_changed_byte_of_the_header_is_refused() {
    let signer = signer();
    let verifier = Verifier::new([signer.public_key().clone()]);
    let envelope = signed(&signer, 3).remove(1);
    verifier.verify(&envelope).expect("true");
    for place in 0..envelope.signature.len() {
        let mut bytes = envelope.signature.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let mut forged = envelope.clone();
        forged.signature = String::from_utf8(bytes).expect("ASCII");
        assert!(verifier.verify(&forged).is_err(), "byte {place}");
    }
}

#[test]
fn what_is_no_signature_is_refused() {
    let signer = signer();
    let verifier = Verifier::new([signer.public_key().clone()]);
    let mut envelope = envelope(1);
    assert_eq!(verifier.verify(&envelope), Err(SignatureError::Missing));
    let id = signer.public_key().id().to_owned();
    let long = "A".repeat(1_000_000);
    for bad in [
        "x".to_owned(),
        format!("{id}.0."),
        format!("{id}.0.AAAA"),
        format!("{id}.-1.{}", "A".repeat(86)),
        format!("{id}.1.{}", "A".repeat(86)),
        format!("{id}.00.{}", "A".repeat(86)),
        format!("{id}.18446744073709551616.{}", "A".repeat(86)),
        format!("{id}.0.{long}"),
        format!("{id}.0.{}.x", "A".repeat(86)),
    ] {
        envelope.signature = bad;
        assert_eq!(verifier.verify(&envelope), Err(SignatureError::Malformed));
    }
}

#[test]
fn keys_keep_their_text_and_hide_their_secret() {
    let seed = Seed::generate().expect("randomness");
    let again = Seed::parse(&format!(" {}=\n", seed.reveal())).expect("the same");
    let signer = Signer::new(&seed).expect("a key");
    let same = Signer::new(&again).expect("a key");
    assert_eq!(signer.public_key(), same.public_key());
    let public: PublicKey = signer.public_key().to_string().parse().expect("a key");
    assert_eq!(&public, signer.public_key());
    assert!(!format!("{seed:?} {signer:?}").contains(&seed.reveal()));

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("seed");
    std::fs::write(&path, seed.reveal()).expect("written");
    let loaded = Seed::load(&path).expect("a seed");
    assert_eq!(loaded.reveal(), seed.reveal());
    assert!(matches!(
        Seed::load(folder.path()),
        Err(InvalidKey::File(_))
    ));
    for bad in ["", "abc", &"A".repeat(44), &"A".repeat(300), "ä"] {
        assert!(matches!(Seed::parse(bad), Err(InvalidKey::Text)), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_header_makes_the_verifier_panic(header in ".{0,200}", index in any::<usize>()) {
        let signer = signer();
        let verifier = Verifier::new([signer.public_key().clone()]);
        let mut envelope = envelope(1);
        envelope.signature.clone_from(&header);
        prop_assert!(verifier.verify(&envelope).is_err());
        let id = signer.public_key().id();
        envelope.signature = format!("{id}.{index}.{header}");
        prop_assert!(verifier.verify(&envelope).is_err());
    }
}
