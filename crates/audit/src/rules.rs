//! The rules in code, one idea in each file; lists of words are the YAML files beside them.

mod accessibility;
mod banned_terms;
mod character_count;
mod disclosures;
mod hashtag_case;
mod hashtags;
mod language;
mod links;
mod markup;
mod missing_platform;
mod numbers;
mod personal_data;
mod platform_length;
mod readability;
mod required_terms;
mod unlisted_claims;
mod variants;
mod voice;

pub(crate) use accessibility::{AltMissing, AltText, Capitals, EmojiRun, FancyLetters, LinkText};
pub(crate) use banned_terms::BannedTerms;
pub(crate) use character_count::CharacterCount;
pub(crate) use disclosures::{Disclaimers, Disclosures};
pub(crate) use hashtag_case::HashtagCase;
pub(crate) use hashtags::Hashtags;
pub(crate) use language::Language;
pub(crate) use links::{Credentials, ForeignHost, Scheme, Shortener};
pub(crate) use markup::Markup;
pub(crate) use missing_platform::MissingPlatform;
pub(crate) use numbers::Numbers;
pub(crate) use personal_data::PersonalData;
pub(crate) use platform_length::PlatformLength;
pub(crate) use readability::{ReadingEase, SentenceLength};
pub(crate) use required_terms::{RequiredTerms, RequiredTermsInPosts};
pub(crate) use unlisted_claims::UnlistedClaims;
pub(crate) use variants::Variants;
pub(crate) use voice::{Address, Donts};
