//! `google.protobuf.Timestamp` with the JSON form that the proto mapping asks for: RFC 3339 ending in `Z`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A moment, as `google.protobuf.Timestamp` on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Message)]
pub struct Timestamp {
    /// Whole seconds since the Unix epoch, rounded down.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds after `seconds`, 0 to 999,999,999.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl prost::Name for Timestamp {
    const NAME: &'static str = "Timestamp";
    const PACKAGE: &'static str = "google.protobuf";
}

impl Timestamp {
    /// The moment, when it lies in the years 0 to 9999 and `nanos` in its range.
    fn moment(self) -> Option<OffsetDateTime> {
        let nanos = u32::try_from(self.nanos).ok()?;
        OffsetDateTime::from_unix_timestamp(self.seconds)
            .ok()?
            .replace_nanosecond(nanos)
            .ok()
            .filter(|moment| (0..=9999).contains(&moment.year()))
    }
}

impl From<model::Timestamp> for Timestamp {
    fn from(model::Timestamp(millis): model::Timestamp) -> Self {
        let rest = i32::try_from(millis.rem_euclid(1_000)).unwrap_or(0);
        Self {
            seconds: millis.div_euclid(1_000),
            nanos: rest * 1_000_000,
        }
    }
}

impl From<Timestamp> for model::Timestamp {
    /// Cuts to whole milliseconds; a moment that does not fit becomes the nearest that does.
    fn from(wire: Timestamp) -> Self {
        Self(
            wire.seconds
                .saturating_mul(1_000)
                .saturating_add(i64::from(wire.nanos).div_euclid(1_000_000)),
        )
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self
            .moment()
            .and_then(|moment| moment.format(&Rfc3339).ok())
            .ok_or_else(|| ser::Error::custom("the timestamp is outside the years 0 to 9999"))?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Rfc3339Visitor)
    }
}

struct Rfc3339Visitor;

impl de::Visitor<'_> for Rfc3339Visitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 time such as 2026-11-21T05:30:00Z")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        let moment = OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))?;
        Ok(Timestamp {
            seconds: moment.unix_timestamp(),
            nanos: i32::try_from(moment.nanosecond()).unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_ends_in_z_and_offsets_are_understood() {
        let time = Timestamp::from(model::Timestamp(1_795_239_000_250));
        let json = serde_json::to_string(&time).expect("in range");
        assert_eq!(json, r#""2026-11-21T05:30:00.25Z""#);
        let offset: Timestamp =
            serde_json::from_str(r#""2026-11-21T07:30:00.25+02:00""#).expect("RFC 3339");
        assert_eq!(offset, time);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            r#""""#,
            r#""yesterday""#,
            "5",
            r#""2026-02-30T00:00:00Z""#,
            "null",
        ] {
            assert!(
                serde_json::from_str::<Timestamp>(bad).is_err(),
                "{bad} was taken"
            );
        }
        for bad in [(i64::MAX, 0), (0, -1), (0, 1_000_000_000)] {
            let time = Timestamp {
                seconds: bad.0,
                nanos: bad.1,
            };
            assert!(serde_json::to_string(&time).is_err(), "{bad:?} was written");
        }
    }

    proptest! {
        #[test]
        fn moments_survive_wire_and_json(millis in -62_167_219_200_000_i64..=253_402_300_799_999) {
            let time = Timestamp::from(model::Timestamp(millis));
            prop_assert_eq!(model::Timestamp::from(time), model::Timestamp(millis));
            let json = serde_json::to_string(&time).expect("in range");
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).expect("own output"), time);
        }

        #[test]
        fn any_wire_moment_converts_without_panic(seconds: i64, nanos: i32) {
            let _moment = model::Timestamp::from(Timestamp { seconds, nanos });
        }
    }
}
