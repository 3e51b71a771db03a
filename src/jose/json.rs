//! JSON without what makes two readers disagree (RFC 8259 §4, RFC 7519 §4).
//!
//! Member names are unique at every depth, nesting ends at 16, and U+0000 appears nowhere: it cuts
//! strings short in C and is not storable in PostgreSQL.

use super::error::JoseError;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

const MAX_DEPTH: u8 = 16;

/// Reads one JSON object and nothing after it.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, JoseError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut reader);
    let value = value.map_err(|_| JoseError::Malformed)?;
    reader.end().map_err(|_| JoseError::Malformed)?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(JoseError::Malformed),
    }
}

#[derive(Clone, Copy)]
struct Strict {
    depth: u8,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.depth {
            MAX_DEPTH => Err(E::custom("nested too deep")),
            depth => Ok(Self { depth: depth + 1 }),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        if value.contains('\0') {
            return Err(E::custom("U+0000"));
        }
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(seed)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if name.contains('\0') || map.contains_key(&name) {
                return Err(A::Error::custom("a member name that is repeated or has U+0000"));
            }
            let value = members.next_value_seed(seed)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_is_read_as_it_is() {
        let text = r#"{"a":[1,-2,2.5,"s",true,null],"b":{"c":{}}}"#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(Value::Object(object(text.as_bytes()).unwrap()), expected);
    }

    #[test]
    fn jw_02_what_two_readers_could_read_differently_is_refused() {
        let bad: [&[u8]; 12] = [
            br#"{"alg":"none","alg":"HS256"}"#,
            br#"{"a":{"b":1,"b":2}}"#,
            br#"{"a":[{"b":1,"\u0062":2}]}"#,
            br#"{"a":1} x"#,
            br#"{"a":1}{}"#,
            b"\xEF\xBB\xBF{}",
            b"{/* c */}",
            b"{\"a\":1,}",
            b"[]",
            b"1",
            b"",
            b"{\"a\":\"\xff\"}",
        ];
        for text in bad {
            assert_eq!(object(text), Err(JoseError::Malformed), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn jw_16_deep_nesting_nul_and_lone_surrogates_are_refused() {
        let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        assert!(object(nested(16).as_bytes()).is_ok());
        assert!(object(nested(17).as_bytes()).is_err());
        assert!(object(nested(100_000).as_bytes()).is_err());
        let arrays = format!(r#"{{"a":{}{}}}"#, "[".repeat(16), "]".repeat(16));
        assert!(object(arrays.as_bytes()).is_err());
        for text in [
            r#"{"a\u0000b":1}"#,
            r#"{"a":"\u0000"}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"\udc00":1}"#,
            r#"{"a":1e999}"#,
        ] {
            assert!(object(text.as_bytes()).is_err(), "{text}");
        }
    }
}
