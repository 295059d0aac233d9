//! From pages to the bytes of a PDF (ISO 32000-1): fonts embedded, text that can be searched and copied, and a structure that programs
//! that read aloud follow.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, StructRole, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::font::{Font, Fonts, Style};
use super::layout::{Item, Laid, PAGE_HEIGHT, PAGE_WIDTH, Role};

const SYSTEM: SystemInfo<'static> = SystemInfo {
    registry: Str(b"Adobe"),
    ordering: Str(b"Identity"),
    supplement: 0,
};

/// Glyphs that are used, and the characters that they show.
type Used = BTreeMap<Style, BTreeMap<u16, char>>;

/// A marked piece of content: its page, and its number there.
#[derive(Clone, Copy)]
struct Mark {
    page: Ref,
    number: i32,
}

/// Writes pages down.
pub(super) fn write(fonts: &Fonts, laid: &Laid, title: &str) -> Vec<u8> {
    let mut writer = Writer {
        pdf: Pdf::new(),
        next: 1,
        used: Used::new(),
        marks: vec![Vec::new(); laid.elements.len()],
    };
    writer.document(fonts, laid, title);
    writer.pdf.finish()
}

struct Writer {
    pdf: Pdf,
    next: i32,
    used: Used,
    /// For every element, where its content is.
    marks: Vec<Vec<Mark>>,
}

impl Writer {
    fn id(&mut self) -> Ref {
        let id = Ref::new(self.next);
        self.next += 1;
        id
    }

    fn document(&mut self, fonts: &Fonts, laid: &Laid, title: &str) {
        self.pdf.set_version(1, 7);
        let (catalog, pages, root, info) = (self.id(), self.id(), self.id(), self.id());
        let fonts_ids: Vec<(Style, Ref)> = Style::ALL.into_iter().map(|style| (style, self.id())).collect();
        let page_ids: Vec<Ref> = laid.pages.iter().map(|_| self.id()).collect();
        let element_ids: Vec<Ref> = laid.elements.iter().map(|_| self.id()).collect();
        let mut parents: Vec<Vec<Ref>> = Vec::new();
        for (number, (items, page)) in laid.pages.iter().zip(&page_ids).enumerate() {
            let content = self.id();
            let (bytes, of_page) = self.content(fonts, items, *page, &element_ids);
            self.compressed(content, &bytes);
            self.page(*page, pages, content, &fonts_ids, number as i32);
            parents.push(of_page);
        }
        let mut tree = self.pdf.pages(pages);
        tree.kids(page_ids.iter().copied()).count(page_ids.len() as i32);
        tree.finish();
        self.structure(root, laid, &element_ids, &parents);
        for (style, id) in fonts_ids {
            self.font(id, fonts.of(style));
        }
        self.pdf
            .document_info(info)
            .title(TextStr(title))
            .producer(TextStr("Holdfast"));
        let mut written = self.pdf.catalog(catalog);
        written.pages(pages).lang(TextStr("en-GB"));
        written.pair(Name(b"StructTreeRoot"), root);
        written.mark_info().marked(true);
        written.viewer_preferences().display_doc_title(true);
        written.finish();
    }

    fn page(&mut self, id: Ref, parent: Ref, content: Ref, fonts: &[(Style, Ref)], number: i32) {
        let mut page = self.pdf.page(id);
        page.media_box(Rect::new(0.0, 0.0, PAGE_WIDTH, PAGE_HEIGHT))
            .parent(parent)
            .contents(content);
        page.struct_parents(number);
        let mut resources = page.resources();
        let mut named = resources.fonts();
        for (style, font) in fonts {
            named.pair(font_name(*style), font);
        }
    }

    /// A page's content, and for each of its marks the element that it belongs to.
    fn content(&mut self, fonts: &Fonts, items: &[Item], page: Ref, element_ids: &[Ref]) -> (Vec<u8>, Vec<Ref>) {
        let mut content = Content::new();
        let mut of_page = Vec::new();
        for item in items {
            match item {
                Item::Text {
                    x,
                    y,
                    size,
                    style,
                    text,
                    element,
                } => {
                    let number = of_page.len() as i32;
                    let (Some(id), Some(marks)) = (element_ids.get(*element), self.marks.get_mut(*element)) else {
                        continue;
                    };
                    of_page.push(*id);
                    marks.push(Mark { page, number });
                    content
                        .begin_marked_content_with_properties(Name(b"Span"))
                        .properties()
                        .identify(number);
                    self.text(&mut content, fonts.of(*style), (*x, *y), *size, text);
                    content.end_marked_content();
                }
                Item::Edge { x, y, size, text } => {
                    content.begin_marked_content(Name(b"Artifact"));
                    self.text(&mut content, fonts.of(Style::Regular), (*x, *y), *size, text);
                    content.end_marked_content();
                }
                Item::Line { from, to, width } => {
                    content.begin_marked_content(Name(b"Artifact"));
                    content
                        .set_line_width(*width)
                        .move_to(from.0, from.1)
                        .line_to(to.0, to.1)
                        .stroke();
                    content.end_marked_content();
                }
                Item::Box { x, y, side } => {
                    content.begin_marked_content(Name(b"Artifact"));
                    content.set_line_width(0.8).rect(*x, *y, *side, *side).stroke();
                    content.end_marked_content();
                }
            }
        }
        (content.finish().into_vec(), of_page)
    }

    /// Characters are written as two bytes each: the number of the glyph.
    fn text(&mut self, content: &mut Content, font: &Font, at: (f32, f32), size: f32, text: &str) {
        let used = self.used.entry(font.style).or_default();
        let mut bytes = Vec::new();
        for character in text.chars() {
            let (glyph, shown) = font.glyph(character);
            used.entry(glyph.0).or_insert(shown);
            bytes.extend(glyph.0.to_be_bytes());
        }
        content
            .begin_text()
            .set_font(font_name(font.style), size)
            .next_line(at.0, at.1);
        content.show(Str(&bytes)).end_text();
    }

    fn structure(&mut self, root: Ref, laid: &Laid, ids: &[Ref], parents: &[Vec<Ref>]) {
        let document = self.id();
        let mut children: BTreeMap<Option<usize>, Vec<Ref>> = BTreeMap::new();
        for (element, id) in laid.elements.iter().zip(ids) {
            children.entry(element.parent).or_default().push(*id);
        }
        let lists: Vec<Ref> = parents.iter().map(|_| self.id()).collect();
        let mut tree = self
            .pdf
            .indirect(root)
            .start::<pdf_writer::writers::StructTreeRoot<'_>>();
        tree.child(document);
        let mut by_page = tree.parent_tree();
        let mut numbers = by_page.nums();
        for (number, list) in lists.iter().enumerate() {
            numbers.insert(number as i32, *list);
        }
        numbers.finish();
        by_page.finish();
        tree.parent_tree_next_key(parents.len() as i32);
        tree.finish();
        for (list, of_page) in lists.iter().zip(parents) {
            self.pdf.indirect(*list).array().items(of_page.iter().copied());
        }
        let mut whole = self.pdf.struct_element(document);
        whole.kind(StructRole::Document).parent(root);
        let mut inner = whole.children();
        for child in children.get(&None).into_iter().flatten() {
            inner.struct_element(*child);
        }
        inner.finish();
        whole.finish();
        for (number, (element, id)) in laid.elements.iter().zip(ids).enumerate() {
            let parent = element
                .parent
                .and_then(|parent| ids.get(parent))
                .copied()
                .unwrap_or(document);
            let mut written = self.pdf.struct_element(*id);
            written.kind(role(element.role)).parent(parent);
            let mut inner = written.children();
            for child in children.get(&Some(number)).into_iter().flatten() {
                inner.struct_element(*child);
            }
            for mark in self.marks.get(number).into_iter().flatten() {
                inner
                    .marked_content_ref()
                    .page(mark.page)
                    .marked_content_id(mark.number);
            }
        }
    }

    fn font(&mut self, id: Ref, font: &Font) {
        let (cid, descriptor, file, cmap) = (self.id(), self.id(), self.id(), self.id());
        let name = Name(font.style.name());
        let used = self.used.remove(&font.style).unwrap_or_default();
        self.pdf
            .type0_font(id)
            .base_font(name)
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(cid)
            .to_unicode(cmap);
        let mut written = self.pdf.cid_font(cid);
        written.subtype(CidFontType::Type2).base_font(name).system_info(SYSTEM);
        written
            .font_descriptor(descriptor)
            .default_width(0.0)
            .cid_to_gid_map_predefined(Name(b"Identity"));
        let mut widths = written.widths();
        for glyph in used.keys() {
            widths.same(*glyph, *glyph, font.glyph_width(ttf_parser::GlyphId(*glyph)));
        }
        widths.finish();
        written.finish();
        self.descriptor(descriptor, file, font);
        self.compressed(file, font.style.file());
        let mut map = UnicodeCmap::<u16>::new(Name(b"Custom"), SYSTEM);
        for (glyph, character) in &used {
            map.pair(*glyph, *character);
        }
        let map = map.finish();
        self.pdf.cmap(cmap, map.as_slice());
    }

    fn descriptor(&mut self, id: Ref, file: Ref, font: &Font) {
        let face = &font.face;
        let scale = 1000.0 / f32::from(face.units_per_em().max(1));
        let scaled = |value: i16| f32::from(value) * scale;
        let bounds = face.global_bounding_box();
        let bounds = Rect::new(
            scaled(bounds.x_min),
            scaled(bounds.y_min),
            scaled(bounds.x_max),
            scaled(bounds.y_max),
        );
        self.pdf
            .font_descriptor(id)
            .name(Name(font.style.name()))
            .flags(FontFlags::SYMBOLIC)
            .bbox(bounds)
            .italic_angle(0.0)
            .ascent(scaled(face.ascender()))
            .descent(scaled(face.descender()))
            .cap_height(scaled(face.capital_height().unwrap_or(face.ascender())))
            .stem_v(if font.style == Style::Bold { 150.0 } else { 90.0 })
            .font_file2(file);
    }

    fn compressed(&mut self, id: Ref, bytes: &[u8]) {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
        match packed {
            Ok(packed) => {
                let mut stream = self.pdf.stream(id, &packed);
                stream.filter(Filter::FlateDecode);
                stream.pair(Name(b"Length1"), bytes.len() as i32);
            }
            // Memory takes whatever is written: as it is, then.
            Err(_) => drop(self.pdf.stream(id, bytes)),
        }
    }
}

const fn font_name(style: Style) -> Name<'static> {
    match style {
        Style::Regular => Name(b"F1"),
        Style::Bold => Name(b"F2"),
    }
}

const fn role(role: Role) -> StructRole {
    match role {
        Role::Heading1 => StructRole::H1,
        Role::Heading2 => StructRole::H2,
        Role::Paragraph => StructRole::P,
        Role::Table => StructRole::Table,
        Role::Row => StructRole::TR,
        Role::HeadCell => StructRole::TH,
        Role::Cell => StructRole::TD,
    }
}
