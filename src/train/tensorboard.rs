//! Event files of TensorBoard: scalars, in the form in which TensorFlow writes them.
//!
//! A file is a list of records (TFRecord): length (u64, little endian), masked CRC-32C of those 8 bytes, the bytes of an
//! `Event`, masked CRC-32C of them. `Event` and `Summary` are protocol buffers (`tensorflow/core/util/event.proto`,
//! `tensorflow/core/framework/summary.proto`); the handful of fields that a scalar needs are encoded here.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::run_error::{RunError, file_error};
use super::scoring::Means;

/// The file of one part of a run; one that goes on begins another.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Begins a file in a folder, at a time in seconds since 1970. Where a run goes on after a step, TensorBoard is told to
    /// forget what came later.
    ///
    /// # Errors
    /// [`RunError::File`].
    pub fn begin(folder: &Path, seconds: f64, resumed_after: Option<u64>) -> Result<EventFile, RunError> {
        let name = format!("events.out.tfevents.{:010}.scenery", seconds.max(0.0) as u64);
        let mut number = 0;
        // Files are read in the order of their names.
        let (path, file) = loop {
            let path = folder.join(if number == 0 { name.clone() } else { format!("{name}.{number}") });
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => break (path, file),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(file_error("write", &path)(error)),
            }
        };
        let mut out = EventFile { path, file };
        out.record(&event(seconds, 0, &text(3, b"brain.Event:2")))?;
        if let Some(step) = resumed_after {
            // SessionLog { status: START }: whatever has this step or a later one is forgotten.
            out.record(&event(seconds, step + 1, &text(7, &number_field(1, 1))))?;
        }
        Ok(out)
    }

    /// Appends scalars of a step.
    ///
    /// # Errors
    /// [`RunError::File`].
    pub fn scalars(&mut self, seconds: f64, step: u64, scalars: &[(String, f64)]) -> Result<(), RunError> {
        let mut summary = Vec::new();
        for (tag, value) in scalars {
            let mut one = text(1, tag.as_bytes());
            one.push(2 << 3 | 5);
            one.extend((*value as f32).to_le_bytes());
            summary.extend(text(1, &one));
        }
        self.record(&event(seconds, step, &text(5, &summary)))
    }

    fn record(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        let length = (bytes.len() as u64).to_le_bytes();
        let mut out = length.to_vec();
        out.extend(masked(&length).to_le_bytes());
        out.extend(bytes);
        out.extend(masked(bytes).to_le_bytes());
        self.file.write_all(&out).map_err(file_error("write", &self.path))
    }
}

/// The means as TensorBoard's scalars.
pub fn scalars(side: &str, means: &Means) -> Vec<(String, f64)> {
    let mut out = vec![(format!("{side}/loss"), means.loss), (format!("{side}/accuracy"), means.accuracy)];
    for (name, value) in [("loss_slot", means.loss_slot), ("loss_template", means.loss_template)] {
        out.extend(value.map(|value| (format!("{side}/{name}"), value)));
    }
    out
}

/// CRC-32C, turned by 15 bits and moved by a constant, as TFRecord has it.
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// `Event { wall_time = 1, step = 2, what }`.
fn event(seconds: f64, step: u64, what: &[u8]) -> Vec<u8> {
    let mut out = vec![1 << 3 | 1];
    out.extend(seconds.to_le_bytes());
    out.extend(number_field(2, step));
    out.extend(what);
    out
}

/// A field of bytes: key, length, bytes.
fn text(field: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    varint(bytes.len() as u64, &mut out);
    out.extend(bytes);
    out
}

/// A field of a whole number.
fn number_field(field: u8, value: u64) -> Vec<u8> {
    let mut out = vec![field << 3];
    varint(value, &mut out);
    out
}

/// A whole number in groups of 7 bits, the lowest first.
fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 128 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_those_that_tensorflow_writes() {
        // RFC 3720, B.4: 32 bytes of zero have the CRC-32C 0x8a9136aa.
        assert_eq!(crc32c::crc32c(&[0u8; 32]), 0x8a91_36aa);
        let mut bytes = Vec::new();
        varint(300, &mut bytes);
        assert_eq!(bytes, [0xac, 0x02]);
        // The first record of every file, at time 0: 24 bytes of the event, as TensorFlow's own writer has it.
        let first = event(0.0, 0, &text(3, b"brain.Event:2"));
        assert_eq!(first[..9], [9, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(first[11..], *b"\x1a\x0dbrain.Event:2");
    }
}
