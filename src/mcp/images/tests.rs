//! Tests of images: small ones pass untouched, large ones shrink, broken ones become words.

use super::*;

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn a_small_image_passes_untouched() {
    let png = encode(&DynamicImage::new_rgb8(20, 10), ImageFormat::Png);
    let shown = fit(&png, ImageFormat::Png).unwrap();
    assert_eq!((shown.original, shown.fidelity), ((20, 10), Fidelity::Original));
    assert_eq!(STANDARD.decode(shown.data).unwrap(), png);
}

#[test]
fn a_large_image_shrinks() {
    let png = encode(&DynamicImage::new_rgb8(4000, 1000), ImageFormat::Png);
    let shown = fit(&png, ImageFormat::Png).unwrap();
    assert_eq!((shown.media_type, shown.fidelity), ("image/png", Fidelity::Scaled(1568, 392)));
}

#[test]
fn noise_becomes_a_jpeg_within_the_budget() {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let pixels: Vec<u8> = (0..900 * 900 * 3).map(|_| noise()).collect();
    let image = DynamicImage::ImageRgb8(image::RgbImage::from_raw(900, 900, pixels).unwrap());
    let shown = fit(&encode(&image, ImageFormat::Png), ImageFormat::Png).unwrap();
    assert_eq!(shown.media_type, "image/jpeg");
    assert!(STANDARD.decode(shown.data).unwrap().len() <= MAX_BYTES);
}

#[test]
fn a_broken_image_is_a_reason() {
    let png = encode(&DynamicImage::new_rgb8(20, 10), ImageFormat::Png);
    for bytes in [&png[..png.len() / 2], b"", b"GIF89a"] {
        assert!(fit(bytes, ImageFormat::Png).unwrap_err().starts_with("it is not a readable image"));
    }
}
