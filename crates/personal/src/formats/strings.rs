//! Text picked out of binary files that aren't understood: runs of characters, with one byte each or with two.

/// Shorter runs are accidents.
const RUN_MIN: usize = 6;

/// Calls with the runs of a file, a line each, in parts of some 64 KiB.
pub(crate) fn read(bytes: &[u8], mut visit: impl FnMut(&str) -> bool) {
    let mut text = String::new();
    for wide in [false, true] {
        let mut position = 0;
        while position < bytes.len() {
            let start = text.len();
            let length = run(bytes, position, wide, &mut text);
            if text.len() - start < RUN_MIN {
                text.truncate(start);
            } else {
                text.push('\n');
            }
            // Characters of two bytes may begin at any.
            position += length.max(1);
            if text.len() > 64 << 10 {
                if !visit(&text) {
                    return;
                }
                text.clear();
            }
        }
    }
    visit(&text);
}

/// Appends the run at a position. Tells its length in bytes.
fn run(bytes: &[u8], position: usize, wide: bool, text: &mut String) -> usize {
    let width = if wide { 2 } else { 1 };
    let mut end = position;
    while end - position < 16 << 10 {
        let Some(byte) = bytes.get(end).copied() else { break };
        let is_character =
            matches!(byte, b' '..=b'~' | b'\t' | 0xc0..=0xff) && (!wide || bytes.get(end + 1) == Some(&0));
        if !is_character {
            break;
        }
        text.push(char::from(byte));
        end += width;
    }
    end - position
}
