//! RFC 6455 section 9.1: several extensions, one behind the other.

use ktorws::error::Result;
use ktorws::frame::Opcode;
use ktorws::protocol::extension::{
    Agreed, Decoder, Encoder, Encoding, Extension, Negotiated, Piece, Sink, Told, check_installation, part,
};
use ktorws::protocol::extension_header::Parameters;
use ktorws::protocol::{Agreement, Limits, Received};

use crate::peer::{self, Sent, marked_frame, receive};

/// Puts a byte at the end of each message, and takes it away.
struct Tag(&'static str, u8, u8);

struct Tagging {
    tag: u8,
    rsv: u8,
}

impl Extension for Tag {
    fn name(&self) -> &str {
        self.0
    }

    fn rsv(&self) -> u8 {
        self.2
    }

    fn offer(&self) -> Result<String> {
        Ok(String::new())
    }

    fn agree(&self, _: &Parameters) -> Result<Agreed> {
        let direction = || Tagging { tag: self.1, rsv: self.2 };
        Ok(Agreed {
            encoder: Box::new(direction()),
            decoder: Box::new(direction()),
            decodes_unmarked: self.2 == 0,
            instance: None,
        })
    }
}

impl Encoder for Tagging {
    fn encode(&mut self, piece: &Piece<'_>, output: &mut Vec<u8>) -> Result<Encoding> {
        output.extend_from_slice(piece.payload);
        if piece.last {
            output.push(self.tag);
        }
        Ok(if piece.compress { Encoding::Changed { rsv: self.rsv } } else { Encoding::Unchanged })
    }
}

impl Decoder for Tagging {
    fn begin(&mut self, _: Opcode, _: u8) -> bool {
        true
    }

    fn decode(&mut self, part: &[u8], last: bool, output: &mut Sink<'_>) -> Result<()> {
        let Some((tag, rest)) = part.split_last().filter(|_| last) else { return output.write(part) };
        assert_eq!(*tag, self.tag, "a decoder in the wrong place");
        output.write(rest)
    }
}

fn agreement(extensions: &[Tag]) -> Agreement {
    let negotiated = extensions.iter().map(|extension| {
        let told = Told { name: extension.0.to_owned(), parameters: String::new(), instance: None };
        let agreed = extension.agree(&Parameters::default()).expect("it agrees");
        Negotiated { told, rsv: extension.2, agreed }
    });
    let (encoders, decoders, told) = part(negotiated.collect());
    assert_eq!(told.len(), extensions.len());
    Agreement { encoders, decoders, is_raw: false }
}

const LIMITS: Limits = Limits { max_frame_size: 100, max_message_size: 100 };

#[test]
fn outgoing_in_the_order_of_the_answer_and_incoming_the_other_way() {
    let mut connection = peer::agreed_connection(agreement(&[Tag("a", b'a', 4), Tag("b", b'b', 2)]), LIMITS);
    connection.send(Opcode::Text, b"x").expect("an open connection");
    assert_eq!(peer::sent(&mut connection), [Sent { rsv: 6, ..Sent::new(Opcode::Text, b"xab") }]);
    for (rsv, payload) in [(6, "xab"), (4, "xa"), (2, "xb"), (0, "x")] {
        let events = receive(&mut connection, &marked_frame(true, Opcode::Text, rsv, payload.as_bytes()));
        let [Received::Frame(frame)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((&frame.payload[..], frame.rsv), (b"x".as_slice(), 0));
    }
}

#[test]
fn an_extension_without_bits_has_all_messages() {
    let mut connection = peer::agreed_connection(agreement(&[Tag("a", b'a', 0)]), LIMITS);
    connection.send(Opcode::Binary, b"").expect("an open connection");
    assert_eq!(peer::sent(&mut connection), [Sent::new(Opcode::Binary, b"a")]);
    // Small messages too, which have a short way else.
    let events = receive(&mut connection, &peer::text("xa"));
    let [Received::Frame(frame)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(&frame.payload[..], b"x");
}

#[test]
fn what_an_extension_makes_larger_has_the_message_limit() {
    let mut connection = peer::agreed_connection(agreement(&[Tag("a", b'a', 0), Tag("b", b'b', 0)]), LIMITS);
    let mut payload = vec![b'x'; 98];
    payload.extend(b"ab");
    let events = receive(&mut connection, &peer::frame(true, Opcode::Binary, &payload));
    let [Received::Frame(frame)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(frame.payload.len(), 98);
}

#[test]
fn names_and_bits_have_one_owner() {
    let installed = Tag("a", b'a', 4);
    let check = |extension: Tag| check_installation(&extension, [&installed as &dyn Extension]);
    check(Tag("b", b'b', 3)).expect("nothing of it is taken");
    check(Tag("A", b'b', 0)).expect_err("the name is taken");
    check(Tag("b", b'b', 5)).expect_err("a bit is taken");
    check(Tag("b", b'b', 8)).expect_err("there is no such bit");
    check(Tag("b b", b'b', 0)).expect_err("not a token");
}
