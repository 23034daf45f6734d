//! Images small enough for a model to look at.
//!
//! What comes from a cell is untrusted: dimensions and memory are bounded before anything is decoded, and an
//! image that cannot be read is a reason in words, not an error of the run.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};

/// The longest side that models look at without scaling it down themselves.
const MAX_SIDE: u32 = 1568;

/// The most bytes of an image, encoded and before base64.
const MAX_BYTES: usize = 1 << 20;

/// The largest image that is decoded at all.
const MAX_PIXELS_SIDE: u32 = 20_000;
const MAX_DECODED: u64 = 256 << 20;

/// An image as the model gets it.
#[derive(Debug)]
pub(super) struct Shown {
    /// The image in base64.
    pub(super) data: String,
    /// Its media type, which scaling can change.
    pub(super) media_type: &'static str,
    /// Width and height of the original.
    pub(super) original: (u32, u32),
    /// Whether these are the original's own bytes.
    pub(super) fidelity: Fidelity,
}

/// What was done to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fidelity {
    /// Nothing.
    Original,
    /// It was made smaller, to this width and height.
    Scaled(u32, u32),
}

/// Whether this media type can be shown as an image.
pub(super) fn format_of(media_type: &str) -> Option<ImageFormat> {
    match media_type {
        "image/png" => Some(ImageFormat::Png),
        "image/jpeg" => Some(ImageFormat::Jpeg),
        _ => None,
    }
}

/// Makes an image fit, or says why it cannot be shown.
pub(super) fn fit(bytes: &[u8], format: ImageFormat) -> Result<Shown, String> {
    let unreadable = |error: image::ImageError| format!("it is not a readable image ({error})");
    let reader = || {
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_PIXELS_SIDE);
        limits.max_image_height = Some(MAX_PIXELS_SIDE);
        limits.max_alloc = Some(MAX_DECODED);
        reader.limits(limits);
        reader
    };
    let original = reader().into_dimensions().map_err(unreadable)?;
    let media_type = if format == ImageFormat::Png { "image/png" } else { "image/jpeg" };
    if original.0.max(original.1) <= MAX_SIDE && bytes.len() <= MAX_BYTES {
        // A header alone does not make an image: clients fail on one that is cut, so it is read to its end.
        reader().decode().map_err(unreadable)?;
        return Ok(Shown {
            data: STANDARD.encode(bytes),
            media_type,
            original,
            fidelity: Fidelity::Original,
        });
    }
    let image = reader().decode().map_err(unreadable)?;
    let Small { data, media_type, width, height } = shrink(&image, format).map_err(unreadable)?;
    Ok(Shown { data: STANDARD.encode(data), media_type, original, fidelity: Fidelity::Scaled(width, height) })
}

struct Small {
    data: Vec<u8>,
    media_type: &'static str,
    width: u32,
    height: u32,
}

/// Scales down until the encoded image is small enough; the last resort is a small JPEG.
fn shrink(image: &DynamicImage, format: ImageFormat) -> Result<Small, image::ImageError> {
    let mut side = MAX_SIDE;
    loop {
        let scaled = if image.width().max(image.height()) > side {
            image.resize(side, side, FilterType::Triangle)
        } else {
            image.clone()
        };
        let (width, height) = (scaled.width(), scaled.height());
        if format == ImageFormat::Png {
            let mut png = Cursor::new(Vec::new());
            scaled.write_to(&mut png, ImageFormat::Png)?;
            if png.get_ref().len() <= MAX_BYTES {
                return Ok(Small { data: png.into_inner(), media_type: "image/png", width, height });
            }
        }
        let mut jpeg = Vec::new();
        scaled.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, 85))?;
        if jpeg.len() <= MAX_BYTES || side < 200 {
            return Ok(Small { data: jpeg, media_type: "image/jpeg", width, height });
        }
        side = side * 2 / 3;
    }
}

#[cfg(test)]
mod tests;
