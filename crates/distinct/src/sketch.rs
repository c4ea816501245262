//! HyperLogLog++ with 2^18 registers.

mod bias;
mod estimate;

use std::collections::BTreeSet;

use crate::SketchError;
use crate::gob::{Reader, Writer};
use crate::list::List;

/// Bits of a hash that choose a register, Go's precision.
const PRECISION: u32 = 18;

/// Registers.
const REGISTERS: usize = 1 << PRECISION;

/// Bits of a hash that are kept while there are few: seven more, to tell more of them apart.
const SPARSE: u32 = 25;

/// Hashes that wait to be put in order: a hundredth of the registers.
const PENDING: usize = REGISTERS / 100;

/// The most that a register can hold: all bits behind the first 18 are zero.
const MAX_RANK: u8 = (64 - PRECISION + 1) as u8;

/// Counts different hashes, without remembering them for longer than they are few.
///
/// Some hundred thousand are counted with an error of about 0.2 %, as if each were there once. It holds up to 256 KiB of
/// registers or list, and some 100 KiB of hashes that are not in the list yet.
///
/// While there are few, the first bits of each are kept in a list; whoever can guess the hashes learns from it which were
/// there. They should depend on a key.
#[derive(Clone, Debug)]
pub struct Sketch {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Sparse {
        pending: BTreeSet<u32>,
        list: List,
    },
    /// For each register the longest row of zeros behind the first bits, and one.
    Dense(Vec<u8>),
}

impl Default for Form {
    fn default() -> Self {
        Self::Sparse { pending: BTreeSet::new(), list: List::default() }
    }
}

impl Default for Sketch {
    fn default() -> Self {
        Self::new()
    }
}

impl Sketch {
    /// Of nobody.
    pub fn new() -> Self {
        Self { form: Form::default() }
    }

    /// Counts a hash, of which all 64 bits must be as good as random.
    pub fn add(&mut self, hash: u64) {
        match &mut self.form {
            Form::Sparse { pending, .. } => {
                pending.insert(sparse_key(hash));
                self.put_in_order();
            }
            Form::Dense(registers) => {
                let rank = (hash << PRECISION | 1 << (PRECISION - 1)).leading_zeros() + 1;
                raise(registers, (hash >> (64 - PRECISION)) as usize, rank as u8);
            }
        }
    }

    /// Counts all that the other has counted, those in both once.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.form, &other.form) {
            (Form::Sparse { pending, .. }, Form::Sparse { pending: more, list }) => {
                pending.extend(more.iter().copied().chain(list.iter()));
                self.put_in_order();
            }
            (form, other) => {
                let mut registers = std::mem::take(form).into_registers();
                other.raise(&mut registers);
                *form = Form::Dense(registers);
            }
        }
    }

    /// How many different hashes there were, estimated as Go's counter does.
    pub fn count(&self) -> u64 {
        match &self.form {
            Form::Sparse { pending, list } => {
                let both = list.iter().filter(|key| pending.contains(key)).count();
                estimate::of_list(list.count() as usize + pending.len() - both)
            }
            Form::Dense(registers) => estimate::of_registers(registers),
        }
    }

    /// In bytes, as `GobEncode` writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut gob = Writer::default();
        let (registers, is_sparse) = match &self.form {
            Form::Sparse { .. } => (&[][..], true),
            Form::Dense(registers) => (&registers[..], false),
        };
        gob.bytes(registers);
        gob.uint(REGISTERS as u64);
        gob.uint(PRECISION.into());
        gob.bool(is_sparse);
        if let Form::Sparse { pending, list } = &self.form {
            gob.set(pending);
            gob.uint(list.count().into());
            gob.bytes(list.bytes());
            gob.uint(list.last().into());
        }
        gob.into_bytes()
    }

    /// From what [`encode`](Self::encode) or `GobEncode` has written.
    ///
    /// # Errors
    /// When it is something else, or of another precision.
    pub fn decode(bytes: &[u8]) -> Result<Self, SketchError> {
        let mut gob = Reader::new(bytes);
        let registers = gob.bytes()?;
        let precision: (u64, u64) = (gob.uint()?, gob.uint()?);
        if precision != (REGISTERS as u64, PRECISION.into()) {
            return Err(SketchError::Precision);
        }
        let form = if gob.bool()? {
            let (pending, count) = (gob.set()?, gob.uint()?);
            let (list, last) = (gob.bytes()?.to_vec(), gob.uint()?);
            Form::Sparse { pending, list: List::from_parts(count, list, last)? }
        } else {
            let fits = registers.len() == REGISTERS && registers.iter().all(|r| *r <= MAX_RANK);
            Form::Dense(fits.then(|| registers.to_vec()).ok_or(SketchError::Contradiction)?)
        };
        Ok(Self { form })
    }

    /// Puts what is pending into the list when it is enough, and what is in the list into registers when they are smaller.
    fn put_in_order(&mut self) {
        let Form::Sparse { pending, list } = &mut self.form else { return };
        if pending.len() <= PENDING {
            return;
        }
        *list = merged(list, pending);
        pending.clear();
        if list.bytes().len() > REGISTERS {
            self.form = Form::Dense(std::mem::take(&mut self.form).into_registers());
        }
    }
}

impl Form {
    fn into_registers(self) -> Vec<u8> {
        if let Self::Dense(registers) = self {
            return registers;
        }
        let mut registers = vec![0; REGISTERS];
        self.raise(&mut registers);
        registers
    }

    /// Raises registers to what this says.
    fn raise(&self, registers: &mut [u8]) {
        match self {
            Self::Sparse { pending, list } => {
                pending.iter().copied().chain(list.iter()).for_each(|key| raise_by(registers, key));
            }
            Self::Dense(others) => {
                let pairs = registers.iter_mut().zip(others);
                pairs.for_each(|(register, other)| *register = (*register).max(*other));
            }
        }
    }
}

/// A list with all that both have.
fn merged(list: &List, pending: &BTreeSet<u32>) -> List {
    let (mut all, mut known) = (List::default(), list.iter().peekable());
    for key in pending {
        while let Some(smaller) = known.next_if(|other| other < key) {
            all.push(smaller);
        }
        known.next_if_eq(key);
        all.push(*key);
    }
    known.for_each(|key| all.push(key));
    all
}

/// What is kept of a hash while there are few: its first 25 bits, of which the last seven tell the register's value; if
/// those are all zero, six bits more for how long that goes on, and a mark.
fn sparse_key(hash: u64) -> u32 {
    let first = (hash >> (64 - SPARSE)) as u32;
    if first & ((1 << (SPARSE - PRECISION)) - 1) != 0 {
        return first << 1;
    }
    let zeros = (hash << SPARSE | ((1 << SPARSE) - 1)).leading_zeros() + 1;
    first << 7 | zeros << 1 | 1
}

/// Raises the register of a sparse key to what that says.
fn raise_by(registers: &mut [u8], key: u32) {
    let (register, rank) = if key & 1 == 1 {
        (key >> (32 - PRECISION), (key >> 1 & 0x3f) + SPARSE - PRECISION)
    } else {
        (key >> (SPARSE - PRECISION + 1), (key << (31 - SPARSE + PRECISION)).leading_zeros() + 1)
    };
    raise(registers, register as usize % REGISTERS, (rank as u8).min(MAX_RANK));
}

fn raise(registers: &mut [u8], register: usize, rank: u8) {
    registers[register] = registers[register].max(rank);
}

#[cfg(test)]
mod tests;
