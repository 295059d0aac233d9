//! PDF (ISO 32000-1): the text of its pages, forms, notes and attachments.
//!
//! Objects are found by looking for them, not by the file's own table: damaged files are read as far as they go, and so is what an
//! earlier revision of the file said. Nothing is executed or drawn.

mod content;
mod font;
mod object;

use std::collections::{HashMap, HashSet};

use crate::collector::Collector;
use crate::formats;
use crate::formats::archive::inflate;
use crate::report::Reason;
use content::Writer;
use font::Font;
use object::{Lexer, Object};

/// Objects of one file, and values in all their dictionaries, that are kept.
const OBJECTS_MAX: usize = 1 << 20;
const VALUES_MAX: usize = 4 << 20;
/// Parents of a page asked for what it inherits.
const PARENTS_MAX: usize = 32;
/// Filters of one stream.
const FILTERS_MAX: usize = 4;

/// The objects of a file, by their numbers. Of several with the same number the last is kept; the streams of all are read.
pub(super) struct File<'a> {
    objects: HashMap<u32, Object>,
    streams: Vec<Stream<'a>>,
    by_number: HashMap<u32, usize>,
    values_left: usize,
}

/// A stream as it is stored.
struct Stream<'a> {
    dictionary: Object,
    packed: &'a [u8],
}

/// Reads a file.
pub(crate) fn read(collector: &mut Collector<'_>, bytes: &[u8]) {
    let mut file = File {
        objects: HashMap::new(),
        streams: Vec::new(),
        by_number: HashMap::new(),
        values_left: VALUES_MAX,
    };
    let is_encrypted = file.find_objects(bytes);
    if is_encrypted {
        collector.unread(Reason::Encrypted);
        return;
    }
    file.unpack_objects(collector);
    if file.values_left == 0 || file.objects.len() >= OBJECTS_MAX {
        collector.unread(Reason::TooManyMembers);
    }
    if file.objects.is_empty() && file.streams.is_empty() {
        collector.unread(Reason::Damaged);
        return;
    }
    let done = file.pages(collector);
    file.other_streams(collector, &done);
    collector.text(&file.remarks());
}

impl<'a> File<'a> {
    /// Finds `number generation obj`. True if the file is encrypted.
    fn find_objects(&mut self, bytes: &'a [u8]) -> bool {
        let mut position = 0;
        let mut is_encrypted = false;
        while let Some(found) = find(bytes, position, b"obj") {
            position = found + 3;
            let Some(number) = object_number(bytes, found) else {
                continue;
            };
            if self.objects.len() >= OBJECTS_MAX || self.values_left == 0 {
                break;
            }
            let mut lexer = Lexer::new(bytes, position, &mut self.values_left);
            let Some(object) = lexer.object() else { continue };
            position = lexer.position().max(position);
            is_encrypted |=
                object.get(b"Type").is_some_and(|kind| kind.is_name(b"XRef")) && object.get(b"Encrypt").is_some();
            if let Some((packed, end)) = stream_at(bytes, position, &object) {
                position = end;
                self.by_number.insert(number, self.streams.len());
                self.streams.push(Stream {
                    dictionary: object.clone(),
                    packed,
                });
            }
            self.objects.insert(number, object);
        }
        // The trailer is a dictionary by itself.
        let mut position = 0;
        while let Some(found) = find(bytes, position, b"trailer") {
            position = found + 7;
            let trailer = Lexer::new(bytes, position, &mut self.values_left).object();
            is_encrypted |= trailer.is_some_and(|trailer| trailer.get(b"Encrypt").is_some());
        }
        is_encrypted
    }

    /// Takes objects out of the streams that hold them.
    fn unpack_objects(&mut self, collector: &mut Collector<'_>) {
        let mut found = Vec::new();
        for stream in &self.streams {
            if !stream
                .dictionary
                .get(b"Type")
                .is_some_and(|kind| kind.is_name(b"ObjStm"))
                || !collector.take_member()
            {
                continue;
            }
            let unpacked = self.unpack(collector, stream);
            let (count, first) = (
                self.integer(stream.dictionary.get(b"N")),
                self.integer(stream.dictionary.get(b"First")),
            );
            let mut values_left = self.values_left;
            for (number, offset) in object::pairs(&unpacked, count.min(OBJECTS_MAX)) {
                let object = Lexer::new(&unpacked, first.saturating_add(offset), &mut values_left).object();
                let Some(object) = object else { break };
                found.push((number, object));
            }
            if values_left == 0 {
                break;
            }
        }
        for (number, object) in found {
            self.objects.entry(number).or_insert(object);
        }
    }

    /// Follows a reference; references to references aren't allowed.
    fn resolve<'o>(&'o self, object: Option<&'o Object>) -> Option<&'o Object> {
        match object? {
            Object::Reference(number) => self
                .objects
                .get(number)
                .filter(|object| !matches!(object, Object::Reference(_))),
            object => Some(object),
        }
    }

    fn integer(&self, object: Option<&Object>) -> usize {
        self.resolve(object)
            .and_then(Object::as_number)
            .map_or(0, |number| if number > 0.0 { number as usize } else { 0 })
    }

    /// A stream without its filters. What can't be unpacked is noted.
    fn unpack(&self, collector: &mut Collector<'_>, stream: &Stream<'_>) -> Vec<u8> {
        let filters = match self.resolve(stream.dictionary.get(b"Filter").or_else(|| stream.dictionary.get(b"F"))) {
            Some(Object::Array(filters)) => filters
                .iter()
                .take(FILTERS_MAX)
                .filter_map(|filter| self.resolve(Some(filter)))
                .collect(),
            Some(filter) => vec![filter],
            None => Vec::new(),
        };
        let mut bytes = std::borrow::Cow::Borrowed(stream.packed);
        for filter in filters {
            let next = match filter {
                Object::Name(name) if name == b"FlateDecode" || name == b"Fl" => {
                    let unpacked = inflate(collector, &bytes, true);
                    if let Some(reason) = unpacked.failure {
                        collector.unread(reason);
                    }
                    unpacked.bytes
                }
                Object::Name(name) if name == b"ASCIIHexDecode" || name == b"AHx" => object::hexadecimal(&bytes),
                Object::Name(name) if name == b"ASCII85Decode" || name == b"A85" => object::ascii_85(&bytes),
                _ => {
                    collector.unread(Reason::UnknownFormat);
                    return Vec::new();
                }
            };
            bytes = std::borrow::Cow::Owned(next);
        }
        // Tables of objects may be stored as differences between rows of bytes.
        let parameters = self.resolve(stream.dictionary.get(b"DecodeParms"));
        let predictor = parameters.map_or(0, |parameters| self.integer(parameters.get(b"Predictor")));
        if predictor >= 10 {
            let columns = parameters
                .map_or(1, |parameters| self.integer(parameters.get(b"Columns")))
                .max(1);
            return object::unpredicted(&bytes, columns);
        }
        bytes.into_owned()
    }

    /// The text of all pages. Tells which streams were theirs.
    fn pages(&self, collector: &mut Collector<'_>) -> HashSet<usize> {
        let mut done = HashSet::new();
        let mut fonts = HashMap::new();
        let mut numbers: Vec<u32> = self
            .objects
            .iter()
            .filter(|(_, object)| object.get(b"Type").is_some_and(|kind| kind.is_name(b"Page")))
            .map(|(number, _)| *number)
            .collect();
        numbers.sort_unstable();
        for page in numbers.iter().filter_map(|number| self.objects.get(number)) {
            if !collector.take_member() {
                break;
            }
            let resources = self.inherited(page, b"Resources");
            let streams = match self.resolve(page.get(b"Contents")) {
                Some(Object::Array(parts)) => parts.iter().filter_map(|part| self.stream_number(Some(part))).collect(),
                _ => Vec::from_iter(self.stream_number(page.get(b"Contents"))),
            };
            // A page may share its streams with others; each is read once, with the fonts of the first.
            let mut bytes = Vec::new();
            for number in streams {
                if let Some(stream) = self.streams.get(number).filter(|_| done.insert(number)) {
                    bytes.extend_from_slice(&self.unpack(collector, stream));
                    bytes.push(b'\n');
                }
            }
            self.write(collector, &bytes, resources, &mut fonts);
        }
        done
    }

    fn stream_number(&self, object: Option<&Object>) -> Option<usize> {
        match object? {
            Object::Reference(number) => self.by_number.get(number).copied(),
            _ => None,
        }
    }

    fn inherited<'o>(&'o self, page: &'o Object, key: &[u8]) -> Option<&'o Object> {
        let mut node = page;
        for _ in 0..PARENTS_MAX {
            if let Some(found) = self.resolve(node.get(key)) {
                return Some(found);
            }
            node = self.resolve(node.get(b"Parent"))?;
        }
        None
    }

    /// Hands on the text that a content stream shows.
    fn write(
        &self,
        collector: &mut Collector<'_>,
        bytes: &[u8],
        resources: Option<&Object>,
        known: &mut HashMap<u32, Font>,
    ) {
        let names = resources.and_then(|resources| self.resolve(resources.get(b"Font")));
        let mut fonts = HashMap::new();
        for (name, font) in names.map(Object::entries).unwrap_or_default() {
            let number = if let Object::Reference(number) = font {
                Some(*number)
            } else {
                None
            };
            let font = match number.and_then(|number| known.get(&number)) {
                Some(font) => font.clone(),
                None => self.font(collector, font),
            };
            if let Some(number) = number {
                known.insert(number, font.clone());
            }
            fonts.insert(name.clone(), font);
        }
        let mut writer = Writer::new(&fonts);
        writer.read(bytes);
        if writer.has_unknown_font {
            collector.unread(Reason::UnknownFont);
        }
        formats::aligned::read(collector, &writer.text);
    }

    fn font(&self, collector: &mut Collector<'_>, font: &Object) -> Font {
        let Some(font) = self.resolve(Some(font)) else {
            return Font::default();
        };
        let table = self
            .stream_number(font.get(b"ToUnicode"))
            .and_then(|number| self.streams.get(number));
        if let Some(table) = table {
            let bytes = self.unpack(collector, table);
            return Font::from_table(&bytes);
        }
        let is_composite = font.get(b"Subtype").is_some_and(|kind| kind.is_name(b"Type0"));
        if is_composite {
            return Font::unknown();
        }
        let differences = self
            .resolve(font.get(b"Encoding"))
            .and_then(|encoding| self.resolve(encoding.get(b"Differences")));
        Font::with_differences(differences)
    }

    /// Forms that pages draw, what earlier revisions showed, and attachments.
    fn other_streams(&self, collector: &mut Collector<'_>, done: &HashSet<usize>) {
        let mut fonts = HashMap::new();
        for (number, stream) in self.streams.iter().enumerate() {
            let kind = |key: &[u8], name: &[u8]| {
                self.resolve(stream.dictionary.get(key))
                    .is_some_and(|kind| kind.is_name(name))
            };
            if kind(b"Subtype", b"Image") {
                collector.unread(Reason::Picture);
            } else if kind(b"Type", b"EmbeddedFile") {
                collector.within("attachment", |collector| {
                    let bytes = self.unpack(collector, stream);
                    formats::document(collector, "attachment", &bytes);
                });
            } else if kind(b"Subtype", b"Form") && !done.contains(&number) && collector.take_member() {
                let bytes = self.unpack(collector, stream);
                self.write(
                    collector,
                    &bytes,
                    self.resolve(stream.dictionary.get(b"Resources")),
                    &mut fonts,
                );
            } else if kind(b"Subtype", b"XML") && collector.take_member() {
                let bytes = self.unpack(collector, stream);
                formats::flow::read(collector, formats::flow::Dialect::Xml, &String::from_utf8_lossy(&bytes));
            }
        }
    }

    /// What stands in dictionaries: values of forms with their names, notes, links, and who wrote the document.
    fn remarks(&self) -> String {
        let mut text = String::new();
        let mut numbers: Vec<&u32> = self.objects.keys().collect();
        numbers.sort_unstable();
        for object in numbers.into_iter().filter_map(|number| self.objects.get(number)) {
            for (key, separator) in [
                (b"T".as_slice(), ": "),
                (b"V", "\n"),
                (b"Contents", "\n"),
                (b"Author", "\n"),
                (b"Title", "\n"),
                (b"Subject", "\n"),
                (b"Keywords", "\n"),
            ] {
                if let Some(Object::Text(bytes)) = self.resolve(object.get(key)) {
                    text.push_str(&object::text_string(bytes));
                    text.push_str(separator);
                }
            }
            let action = self
                .resolve(object.get(b"A"))
                .and_then(|action| action.get(b"URI"))
                .or_else(|| object.get(b"URI"));
            if let Some(Object::Text(bytes)) = self.resolve(action) {
                text.push_str(&object::text_string(bytes));
                text.push('\n');
            }
        }
        text
    }
}

/// The position of some bytes at or after another.
fn find(bytes: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut position = from;
    loop {
        position += bytes.get(position..)?.iter().position(|byte| *byte == first)?;
        if bytes.get(position..)?.starts_with(wanted) {
            return Some(position);
        }
        position += 1;
    }
}

/// The number in `number generation obj`, backwards from `obj`.
fn object_number(bytes: &[u8], position: usize) -> Option<u32> {
    let head = bytes.get(position.saturating_sub(24)..position)?;
    let mut words = head
        .split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty())
        .rev();
    let generation = words.next()?;
    let number = words.next()?;
    let is_separated = head.last().is_some_and(u8::is_ascii_whitespace) && generation.iter().all(u8::is_ascii_digit);
    // `endobj` may stand before it without a space.
    let digits = number.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let number = number.get(number.len() - digits..)?;
    is_separated
        .then(|| std::str::from_utf8(number).ok()?.parse().ok())
        .flatten()
}

/// The bytes of the stream behind a dictionary, and where it ends.
fn stream_at<'a>(bytes: &'a [u8], position: usize, dictionary: &Object) -> Option<(&'a [u8], usize)> {
    let rest = bytes.get(position..)?;
    let spaces = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    if !rest.get(spaces..)?.starts_with(b"stream") || !matches!(dictionary, Object::Dictionary(_)) {
        return None;
    }
    let mut start = position + spaces + 6;
    if bytes.get(start) == Some(&b'\r') {
        start += 1;
    }
    if bytes.get(start) == Some(&b'\n') {
        start += 1;
    }
    let declared = dictionary
        .get(b"Length")
        .and_then(Object::as_number)
        .filter(|length| *length >= 0.0)
        .map(|length| length as usize);
    let is_right = |length: &usize| {
        let behind = start
            .checked_add(*length)
            .and_then(|end| bytes.get(end..))
            .unwrap_or_default();
        behind
            .get(..behind.len().min(20))
            .is_some_and(|behind| behind.windows(9).any(|window| window == b"endstream"))
    };
    let length = match declared.filter(is_right) {
        Some(length) => length,
        None => find(bytes, start, b"endstream")? - start,
    };
    Some((bytes.get(start..start + length)?, start + length))
}
