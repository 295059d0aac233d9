//! Pictures made of characters: the map of the disk, bars, the gauge of suspicion.

use super::disk::Watch;
use super::meter::Content;
use super::style::{BLUE, BOLD, DIM, GREEN, RED, RESET, YELLOW, painted};

/// Suspicion shown at most, in per cent of what fences.
const GAUGE_MOST: u32 = 150;

/// The characters that pictures are made of.
#[derive(Clone, Debug)]
pub(super) struct Glyphs {
    full: char,
    empty: char,
    nothing: char,
    sparks: [char; 8],
}

impl Glyphs {
    /// Blocks where the locale has UTF-8, else what every terminal has.
    pub(super) fn of_locale() -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty())
            .unwrap_or_default()
            .to_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") {
            Self::blocks()
        } else {
            Self::ascii()
        }
    }

    fn blocks() -> Self {
        Self {
            full: '\u{2588}',
            empty: '\u{2591}',
            nothing: '\u{b7}',
            sparks: [
                '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}', '\u{2588}',
            ],
        }
    }

    fn ascii() -> Self {
        Self {
            full: '#',
            empty: '-',
            nothing: '.',
            sparks: ['_', '_', '.', ':', '-', '=', '+', '#'],
        }
    }

    fn run(&self, glyph: char, count: usize) -> String {
        std::iter::repeat_n(glyph, count).collect()
    }

    /// A bar of which `share` is filled.
    pub(super) fn bar(&self, share: f64, width: usize) -> String {
        let filled = part(share, width);
        let rest = painted(DIM, &self.run(self.empty, width - filled));
        format!("{}{rest}", self.run(self.full, filled))
    }

    /// A bar of two colours: random and structured.
    pub(super) fn mixture(&self, random: f64, width: usize) -> String {
        let random = part(random, width);
        let structured = painted(BLUE, &self.run(self.full, width - random));
        format!("{}{structured}", painted(YELLOW, &self.run(self.full, random)))
    }
}

/// `share` of `width`, rounded.
fn part(share: f64, width: usize) -> usize {
    ((share.clamp(0.0, 1.0) * width as f64).round() as usize).min(width)
}

const fn colour(content: Content) -> &'static str {
    match content {
        Content::Empty => DIM,
        Content::Structured => BLUE,
        Content::Random => YELLOW,
        Content::Compared => GREEN,
        Content::Damaged => RED,
    }
}

/// The disk, from its start to its end, in `rows` lines of `width` cells.
pub(super) fn disk_map(contents: &[Content], width: usize, rows: usize, glyphs: &Glyphs) -> Vec<String> {
    let cells = (width * rows).max(1);
    let cell_blocks = contents.len().div_ceil(cells).max(1);
    let mut cells = contents.chunks(cell_blocks).map(cell);
    let row = |_| {
        let mut line = String::new();
        let mut colour_now = "";
        for content in cells.by_ref().take(width) {
            if colour(content) != colour_now {
                colour_now = colour(content);
                line += RESET;
                line += colour_now;
            }
            line.push(if content == Content::Empty {
                glyphs.nothing
            } else {
                glyphs.full
            });
        }
        line + RESET
    };
    (0..rows).map(row).collect()
}

/// What a cell shows: damage, if there is any in it; else what most of its blocks hold, if at least an eighth hold something.
fn cell(blocks: &[Content]) -> Content {
    let count = |content| blocks.iter().filter(|block| **block == content).count();
    if count(Content::Damaged) > 0 {
        return Content::Damaged;
    }
    if blocks.len() - count(Content::Empty) < blocks.len() / 8 + 1 {
        return Content::Empty;
    }
    [Content::Structured, Content::Random, Content::Compared]
        .into_iter()
        .max_by_key(|content| count(*content))
        .unwrap_or_default()
}

/// What the colours of the map mean.
pub(super) fn legend(glyphs: &Glyphs) -> String {
    let entry = |content, what| format!("{} {what}", painted(colour(content), &glyphs.full.to_string()));
    let entries = [
        entry(Content::Structured, "structured"),
        entry(Content::Random, "compressed"),
        entry(Content::Damaged, "overwritten"),
        entry(Content::Compared, "compared"),
    ];
    format!("first half of the disk: {}", entries.join("  "))
}

/// The newest values as a line of little bars.
pub(super) fn spark(values: &[u64], width: usize, glyphs: &Glyphs) -> String {
    let shown = values.get(values.len().saturating_sub(width)..).unwrap_or_default();
    let most = shown.iter().copied().max().unwrap_or(0).max(1);
    let bar = |value: &u64| {
        if *value == 0 {
            return ' ';
        }
        let index = (u128::from(*value) * 7 / u128::from(most)) as usize;
        glyphs.sparks.get(index).copied().unwrap_or(' ')
    };
    let padding = glyphs.run(' ', width - shown.len());
    padding + &shown.iter().map(bar).collect::<String>()
}

/// Suspicion, with a mark where it fences.
pub(super) fn gauge(watch: &Watch, width: usize, glyphs: &Glyphs) -> String {
    let percent = watch.suspicion_percent.min(GAUGE_MOST);
    let at = |percent: u32| part(f64::from(percent) / f64::from(GAUGE_MOST), width);
    let (filled, mark) = (at(percent), at(100));
    let style = if watch.is_fenced {
        RED
    } else if watch.is_bookmarked {
        YELLOW
    } else {
        GREEN
    };
    let mut bar = String::new();
    for cell in 0..width {
        if cell == mark {
            bar += &painted(BOLD, "|");
        } else if cell < filled {
            bar += &painted(style, &glyphs.full.to_string());
        } else {
            bar += &painted(DIM, &glyphs.empty.to_string());
        }
    }
    let state = match () {
        () if watch.is_fenced => "FENCED",
        () if watch.is_bookmarked => "restore point kept",
        () => "calm",
    };
    format!("suspicion {bar} {}", painted(&format!("{BOLD}{style}"), state))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain += before;
            rest = after.split_once('m').unwrap().1;
        }
        plain + rest
    }

    #[test]
    fn the_map_has_the_size_asked_for_and_shows_any_damage() {
        let mut contents = vec![Content::Empty; 81_920];
        contents[..40_000].fill(Content::Structured);
        contents[79_999] = Content::Damaged;
        let map = disk_map(&contents, 76, 6, &Glyphs::ascii());
        assert_eq!(map.len(), 6);
        assert!(map.iter().all(|line| plain(line).chars().count() <= 76));
        assert_eq!(plain(&map[0]), "#".repeat(76));
        assert!(map[5].contains(RED), "{map:?}");
        assert!(!map[0].contains(RED));
    }

    #[test]
    fn pictures_keep_their_width() {
        let glyphs = Glyphs::blocks();
        for share in [-1.0, 0.0, 0.3, 1.0, 7.0, f64::NAN] {
            assert_eq!(plain(&glyphs.bar(share, 20)).chars().count(), 20);
            assert_eq!(plain(&glyphs.mixture(share, 20)).chars().count(), 20);
        }
        for values in [&[][..], &[0, 1, u64::MAX], &[5; 100]] {
            assert_eq!(spark(values, 20, &glyphs).chars().count(), 20);
        }
        let watch = Watch {
            suspicion_percent: 900,
            ..Watch::default()
        };
        assert_eq!(
            plain(&gauge(&watch, 20, &glyphs)),
            format!("suspicion {} calm", {
                let bar = "\u{2588}".repeat(13);
                format!("{bar}|{}", "\u{2588}".repeat(6))
            })
        );
    }
}
