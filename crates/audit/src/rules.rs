//! The rules, one in each file.

mod assertions;
mod banned_terms;
mod character_count;
mod disclosures;
mod hashtags;
mod missing_platform;
mod numbers;
mod platform_length;
mod required_terms;
mod unlisted_claims;
mod variants;

pub(crate) use assertions::{Assertions, Superlatives};
pub(crate) use banned_terms::BannedTerms;
pub(crate) use character_count::CharacterCount;
pub(crate) use disclosures::{Disclaimers, Disclosures};
pub(crate) use hashtags::Hashtags;
pub(crate) use missing_platform::MissingPlatform;
pub(crate) use numbers::Numbers;
pub(crate) use platform_length::PlatformLength;
pub(crate) use required_terms::{RequiredTerms, RequiredTermsInPosts};
pub(crate) use unlisted_claims::UnlistedClaims;
pub(crate) use variants::Variants;
