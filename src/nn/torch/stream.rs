//! A batch as a stream of its real tokens, and the way to rows and back that attention needs.

use tch::{Device, Tensor};

use super::{Ground, Out};
use crate::nn::Batch;

/// The real tokens of a batch, example after example.
pub(super) struct Stream {
    /// Ids, N.
    pub(super) ids: Tensor,
    /// Position of each in its example, N.
    pub(super) positions: Tensor,
    /// Examples, S.
    pub(super) examples: i64,
    /// Tokens of the longest, T.
    pub(super) longest: i64,
    /// Where each token stands among S × T; none where all are of one length, so that the stream is the rows already.
    places: Option<Tensor>,
    /// Positions whose next token is trained, M.
    pub(super) asked: Tensor,
    /// Those next tokens, M.
    pub(super) targets: Tensor,
}

impl Stream {
    /// Takes a batch apart.
    pub(super) fn new(batch: &Batch, device: Device) -> Out<Stream> {
        let (mut ids, mut positions, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let (mut asked, mut targets) = (Vec::new(), Vec::new());
        let longest = batch.spans().map(|span| span.length).max().unwrap_or(0);
        let mut even = true;
        let mut example = 0;
        for (row, spans) in batch.rows.iter().enumerate() {
            for span in spans {
                let from = row * batch.width + span.start;
                let tokens = &batch.ids[from..from + span.length];
                let first = ids.len();
                ids.extend(tokens.iter().map(|id| i64::from(*id)));
                positions.extend(0..span.length as i64);
                places.extend((0..span.length).map(|at| (example * longest + at) as i64));
                asked.extend((span.trained_from..span.length).map(|at| (first + at - 1) as i64));
                targets.extend(tokens[span.trained_from..].iter().map(|id| i64::from(*id)));
                even &= span.length == longest;
                example += 1;
            }
        }
        let put = |values: &[i64]| Tensor::f_from_slice(values)?.f_to_device(device);
        Ok(Stream {
            ids: put(&ids)?,
            positions: put(&positions)?,
            examples: example as i64,
            longest: longest as i64,
            places: if even { None } else { Some(put(&places)?) },
            asked: put(&asked)?,
            targets: put(&targets)?,
        })
    }

    /// Brings N × (heads · width) into S × heads × T × width; where no token stands there is zero.
    pub(super) fn to_rows(&self, flat: &Tensor, heads: i64, ground: Ground) -> Out {
        let (_, size) = flat.size2()?;
        let rows = match &self.places {
            None => flat.shallow_clone(),
            Some(places) => {
                let mut rows = ground.zeros(&[self.examples * self.longest, size])?;
                rows.f_index_copy_(0, places, flat)?
            }
        };
        rows.f_view([self.examples, self.longest, heads, size / heads])?.f_transpose(1, 2)
    }

    /// Brings S × heads × T × width back into N × (heads · width).
    pub(super) fn to_stream(&self, rows: &Tensor) -> Out {
        let (examples, heads, longest, width) = rows.size4()?;
        let flat = rows.f_transpose(1, 2)?.f_reshape([examples * longest, heads * width])?;
        match &self.places {
            None => Ok(flat),
            Some(places) => flat.f_index_select(0, places),
        }
    }
}
