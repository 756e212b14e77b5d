//! What a hostile server might send: every field of a message, filled with what its type can hold and
//! nobody expects. The same seed makes the same message.

use prost::Message as _;
use prost_reflect::{
    Cardinality, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
};
use proto::observer::GetFlowsResponse;

/// Deeper ones are left out.
const DEPTH: usize = 6;

/// xorshift64*: no randomness, but a sequence that is the same everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// One of so many.
    fn of(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).unwrap_or(1).max(1);
        usize::try_from((self.next() >> 16) % count).unwrap_or(0)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.of(from.len())]
    }
}

/// A response of a stream of flows.
///
/// # Panics
/// Never: the descriptors are those of the message.
pub fn response(seed: u64) -> GetFlowsResponse {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let descriptor = proto::json::descriptors().get_message_by_name("observer.GetFlowsResponse");
    let descriptor = descriptor.expect("the message is one of Hubble's");
    let bytes = message(&descriptor, &mut dice, 0).encode_to_vec();
    GetFlowsResponse::decode(&*bytes).expect("it was made of the same descriptors")
}

fn message(descriptor: &MessageDescriptor, dice: &mut Dice, depth: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    if descriptor.full_name() == "google.protobuf.Any" {
        return any(message, dice);
    }
    for field in descriptor.fields() {
        // Of several that exclude each other the last one stays: mostly flows.
        let wanted = if field.name() == "flow" { 8 } else { 5 };
        if dice.of(10) >= wanted {
            continue;
        }
        if let Some(value) = value(&field, dice, depth) {
            message.set_field(&field, value);
        }
    }
    if let Some(flow) = descriptor.get_field_by_name("flow")
        && depth == 0
        && dice.of(10) < 8
        && let Some(value) = value(&flow, dice, depth)
    {
        message.set_field(&flow, value);
    }
    message
}

/// What our own servers say beside a flow, or what only says that it is that.
fn any(mut message: DynamicMessage, dice: &mut Dice) -> DynamicMessage {
    let ours = proto::json::descriptors().get_message_by_name("flows.v1.FlowExtension");
    let (url, bytes) = match (dice.of(4), ours) {
        (0, _) => (text(dice), bytes(dice)),
        (1, _) | (_, None) => (proto::EXTENSION_URL.to_owned(), bytes(dice)),
        (_, Some(ours)) => {
            let ours = self::message(&ours, dice, 2);
            (proto::EXTENSION_URL.to_owned(), ours.encode_to_vec())
        }
    };
    message.set_field_by_name("type_url", Value::String(url));
    message.set_field_by_name("value", Value::Bytes(bytes.into()));
    message
}

fn value(field: &FieldDescriptor, dice: &mut Dice, depth: usize) -> Option<Value> {
    if field.is_map() {
        let entry = field.kind();
        let entry = entry.as_message()?.clone();
        let key = MapKey::String(text(dice));
        let value = scalar(&entry.map_entry_value_field().kind(), dice, depth)?;
        return Some(Value::Map([(key, value)].into_iter().collect()));
    }
    if field.cardinality() == Cardinality::Repeated {
        let values = (0..dice.of(4)).filter_map(|_| scalar(&field.kind(), dice, depth));
        return Some(Value::List(values.collect()));
    }
    scalar(&field.kind(), dice, depth)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "any bits are as good as any others"
)]
fn scalar(kind: &Kind, dice: &mut Dice, depth: usize) -> Option<Value> {
    let any = dice.next();
    let number = dice.pick(&[0, 1, u64::MAX, u64::MAX / 2, 1 << 63, 1 << 31, any]);
    // Many moments are near each other, as those of flows are.
    let number = if dice.of(3) == 0 {
        1_767_225_600 + any % 100
    } else {
        number
    };
    Some(match kind {
        Kind::Bool => Value::Bool(number & 1 == 1),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(number as i32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(number as i64),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(number as u32),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(number),
        Kind::Float => Value::F32(f32::from_bits(number as u32)),
        Kind::Double => Value::F64(f64::from_bits(number)),
        Kind::String => Value::String(text(dice)),
        Kind::Bytes => Value::Bytes(bytes(dice).into()),
        Kind::Enum(known) => {
            let numbers: Vec<i32> = known.values().map(|value| value.number()).collect();
            let known = dice.pick(&numbers);
            Value::EnumNumber(dice.pick(&[known, known, known, number as i32]))
        }
        Kind::Message(_) if depth >= DEPTH => return None,
        Kind::Message(of) => Value::Message(message(of, dice, depth + 1)),
    })
}

fn bytes(dice: &mut Dice) -> Vec<u8> {
    (0..dice.of(40))
        .map(|_| dice.next().to_le_bytes()[3])
        .collect()
}

fn text(dice: &mut Dice) -> String {
    let texts = [
        "",
        "web",
        "shop/web-7d9f8b6c5d-x2x4z",
        "10.0.0.1",
        "fd00::1",
        "10.0.0.300",
        "k8s:app=web",
        "3f0e4a1c-0b1d-4a2e-9c3f-5d6e7f8a9b0c",
        "\u{1b}[2J\u{1b}]0;owned\u{7}",
        "\u{1b}]52;c;eA==\u{7}\u{9b}31m\u{7f}",
        "a\rb\nc\td\0e",
        "\u{202e}gnp.exe\u{2066}\u{200b}\u{feff}\u{e0041}",
        "=cmd|'/c calc'!A0",
        "a,\"b\",'c'",
        "\u{65e5}\u{672c}\u{8a9e}\u{1f469}\u{200d}\u{1f469}\u{301}",
        "\u{df}/\u{df}:80",
        "://[:::]/",
    ];
    match dice.of(60) {
        0 => "\u{e9}".repeat(40_000),
        1 => format!("{}/{}", dice.pick(&texts), dice.pick(&texts)),
        _ => dice.pick(&texts).to_owned(),
    }
}
