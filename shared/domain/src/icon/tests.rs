use super::*;
use proptest::prelude::*;

/// A PNG of one colour.
fn png(edge: u32, colour: [u8; 4]) -> Vec<u8> {
    png_of(edge, edge, &colour.repeat((edge * edge) as usize))
}

/// An ICO with these pictures; each is (edge as the directory tells it, bits, data).
fn ico(pictures: &[(u32, u16, Vec<u8>)]) -> Vec<u8> {
    let mut file = vec![0, 0, 1, 0];
    file.extend((pictures.len() as u16).to_le_bytes());
    let mut start = 6 + 16 * pictures.len();
    for (edge, bits, data) in pictures {
        file.extend([*edge as u8, *edge as u8, 0, 0, 1, 0]);
        file.extend(bits.to_le_bytes());
        file.extend((data.len() as u32).to_le_bytes());
        file.extend((start as u32).to_le_bytes());
        start += data.len();
    }
    pictures.iter().for_each(|(_, _, data)| file.extend(data));
    file
}

/// A bitmap: its palette, rows from the bottom, and the mask behind them, each padded as the format has it.
fn bitmap(width: u32, height: u32, bits: u16, palette: &[[u8; 4]], rows: &[Vec<u8>]) -> Vec<u8> {
    let mut data = Vec::new();
    for value in [40, width, height * 2] {
        data.extend(value.to_le_bytes());
    }
    data.extend(1u16.to_le_bytes());
    data.extend(bits.to_le_bytes());
    for value in [0, 0, 0, 0, palette.len() as u32, 0] {
        data.extend(value.to_le_bytes());
    }
    data.extend(palette.concat());
    for row in rows {
        data.extend(row);
        data.extend(vec![0; row.len().next_multiple_of(4) - row.len()]);
    }
    data
}

fn pixels(png: &[u8]) -> (u32, u32, Vec<[u8; 4]>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut rgba = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut rgba).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgba);
    (info.width, info.height, rgba.as_chunks().0.to_vec())
}

const RED: [u8; 4] = [0xFF, 0, 0, 0xFF];
const BLUE: [u8; 4] = [0, 0, 0xFF, 0xFF];
/// The same in the order of bitmaps.
const BGR_RED: [u8; 4] = [0, 0, 0xFF, 0];
const BGR_BLUE: [u8; 4] = [0xFF, 0, 0, 0];

#[test]
fn a_png_stays_as_it_is() {
    let icon = png(48, RED);
    assert!(matches!(accept(&icon), Ok(Cow::Borrowed(bytes)) if bytes == icon));
}

#[test]
fn what_is_no_whole_picture_is_refused() {
    let icon = png(48, RED);
    assert_eq!(accept(b""), Err(IconError::Unknown));
    assert_eq!(accept(b"<svg/>"), Err(IconError::Unknown));
    assert_eq!(accept(b"\0\0\x02\0\x01\0"), Err(IconError::Unknown), "a cursor");
    assert!(matches!(accept(&icon[..icon.len() / 2]), Err(IconError::NotPng(_))));
    assert!(matches!(accept(&vec![0; MAX_ICON_BYTES + 1]), Err(IconError::TooLarge(_))));
    for (what, file) in [
        ("nothing behind the signature", b"\0\0\x01\0".to_vec()),
        ("no pictures", ico(&[])),
        ("too many", ico(&vec![(1, 32, png(1, RED)); MAX_ICO_PICTURES + 1])),
        ("a picture too short to have a size", ico(&[(16, 32, vec![7; 8])])),
        (
            "a picture with another header",
            ico(&[(1, 24, [vec![41], bitmap(1, 1, 24, &[], &[])[1..].to_vec()].concat())]),
        ),
        ("a picture outside of the file", ico(&[(16, 32, png(16, RED))])[..60].to_vec()),
        ("a palette shorter than its pixels need", ico(&[(1, 1, bitmap(1, 1, 1, &[BGR_RED], &[vec![0x80], vec![0]]))])),
        ("no mask", ico(&[(1, 24, bitmap(1, 1, 24, &[], &[vec![0, 0, 0xFF]]))])),
    ] {
        assert!(matches!(accept(&file), Err(IconError::NotIco(_))), "{what}: {:?}", accept(&file));
    }
    let upside_down = ico(&[(1, 24, bitmap(1, u32::MAX / 4, 24, &[], &[]))]);
    assert!(matches!(accept(&upside_down), Err(IconError::Dimensions { .. })));
}

#[test]
fn a_small_file_that_claims_a_huge_picture_is_refused_before_it_is_decoded() {
    let mut bomb = Vec::new();
    let mut encoder = png::Encoder::new(&mut bomb, 60_000, 60_000);
    encoder.set_color(png::ColorType::Grayscale);
    drop(encoder.write_header().unwrap());
    assert!(accept(&bomb).is_err());
    assert!(accept(&ico(&[(0, 32, bomb)])).is_err());
    assert!(accept(&ico(&[(0, 1, bitmap(60_000, 60_000, 1, &[BGR_RED], &[]))])).is_err());
}

#[test]
fn of_an_ico_the_largest_picture_is_taken_and_of_equal_ones_the_most_colourful() {
    let small = bitmap(1, 1, 24, &[], &[vec![0, 0, 0xFF], vec![0]]);
    let large = png(256, BLUE);
    let file = ico(&[(1, 24, small.clone()), (0, 32, large.clone()), (16, 32, png(16, RED))]);
    assert_eq!(accept(&file).unwrap(), large);
    let equal = ico(&[(1, 24, small), (1, 32, bitmap(1, 1, 32, &[], &[vec![0xFF, 0, 0, 0x80], vec![0]]))]);
    assert_eq!(pixels(&accept(&equal).unwrap()), (1, 1, vec![[0, 0, 0xFF, 0x80]]));
    assert!(matches!(accept(&file), Ok(Cow::Owned(_))), "its hash is not the file's");
}

#[test]
fn a_broken_picture_gives_way_to_the_next() {
    let whole = png(16, RED);
    let mut broken = png(48, BLUE);
    broken.truncate(broken.len() - 20);
    let cut = bitmap(32, 32, 32, &[], &[vec![0; 128]]);
    assert_eq!(accept(&ico(&[(16, 32, whole.clone()), (48, 32, broken), (32, 32, cut)])).unwrap(), whole);
    let mut beyond = ico(&[(16, 32, whole.clone()), (64, 32, png(64, BLUE))]);
    beyond.pop();
    assert_eq!(accept(&beyond).unwrap(), whole);
}

#[test]
fn bitmaps_of_every_depth_come_out_the_right_way_up_and_masked() {
    // Two by two: below red and blue, above blue and red; the mask hides the upper right one.
    let mask = [vec![0], vec![0b0100_0000]];
    let wide = |pixels: [[u8; 4]; 2]| pixels.concat();
    let narrow = |pixels: [[u8; 4]; 2]| pixels.iter().flat_map(|pixel| pixel[..3].to_vec()).collect::<Vec<u8>>();
    let palette = [BGR_RED, BGR_BLUE];
    for (bits, palette, below, above) in [
        (1, &palette[..], vec![0b0100_0000], vec![0b1000_0000]),
        (4, &palette, vec![0x01], vec![0x10]),
        (8, &palette, vec![0, 1], vec![1, 0]),
        (16, &[], vec![0x00, 0x7C, 0x1F, 0x00], vec![0x1F, 0x00, 0x00, 0x7C]),
        (24, &[], narrow([BGR_RED, BGR_BLUE]), narrow([BGR_BLUE, BGR_RED])),
        (32, &[], wide([BGR_RED, BGR_BLUE]), wide([BGR_BLUE, BGR_RED])),
    ] {
        let rows = [vec![below, above], mask.to_vec()].concat();
        let icon = accept(&ico(&[(2, bits, bitmap(2, 2, bits, palette, &rows))])).unwrap().into_owned();
        assert_eq!(pixels(&icon), (2, 2, vec![BLUE, [0xFF, 0, 0, 0], RED, BLUE]), "{bits} bits");
    }
}

#[test]
fn an_opacity_of_its_own_counts_more_than_the_mask() {
    let rows = [vec![0, 0, 0xFF, 0x40, 0xFF, 0, 0, 0], vec![0b1100_0000]];
    let icon = accept(&ico(&[(2, 32, bitmap(2, 1, 32, &[], &rows))])).unwrap().into_owned();
    assert_eq!(pixels(&icon).2, [[0xFF, 0, 0, 0x40], [0, 0, 0xFF, 0]]);
}

#[test]
fn rows_wider_than_a_byte_keep_their_columns() {
    // 11 pixels of one bit: two bytes, padded to four.
    let rows = [vec![0b1000_0000, 0b0010_0000], vec![0, 0]];
    let icon = accept(&ico(&[(11, 1, bitmap(11, 1, 1, &[BGR_RED, BGR_BLUE], &rows))])).unwrap().into_owned();
    let blue: Vec<usize> = (0..11).filter(|x| pixels(&icon).2[*x] == BLUE).collect();
    assert_eq!(blue, [0, 10]);
}

proptest! {
    #[test]
    fn a_damaged_icon_never_panics_and_what_is_accepted_is_a_png_within_the_limits(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), bits in prop::sample::select(vec![1u16, 4, 8, 16, 24, 32]),
        cut in any::<prop::sample::Index>(), is_cut in any::<bool>()
    ) {
        let rows = vec![vec![0x5A; 64]; 32];
        let mut file = ico(&[(16, 32, png(16, RED)), (16, bits, bitmap(16, 16, bits, &[BGR_RED, BGR_BLUE], &rows))]);
        let at = at.index(file.len());
        file[at] = byte;
        if is_cut {
            file.truncate(cut.index(file.len()));
        }
        if let Ok(icon) = accept(&file) {
            prop_assert!(icon.len() <= MAX_ICON_BYTES);
            prop_assert_eq!(check_png(&icon), Ok(()));
        }
    }
}
