//! What a disk holds after a power cut: everything that was synchronised, and of what was written since
//! then some sectors and not others.
//!
//! `power_cut.c` writes down what the provider does to its database. [`Disk`] is what was there before;
//! it takes the log in and says what is left. Names are kept apart from contents: a file that was
//! created is there for certain when its directory was synchronised, a file that was removed is gone
//! then, and in between it may be either.

use countersign::protocol::random::{Random, SystemRandom};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The files of a database, in the order of `power_cut.c`.
const SUFFIXES: [&str; 3] = ["", "-wal", "-journal"];
/// What a disk writes in one piece.
const SECTOR: usize = 512;
/// `struct record` of `power_cut.c`.
const HEAD: usize = 32;

/// What a cut does to what was not synchronised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing of it is there.
    Nothing,
    /// All of it is there.
    Everything,
    /// Each sector is there or is not, and one in eight is torn.
    Sectors,
    /// It is there up to a byte.
    UpTo,
}

impl Cut {
    /// One of them, now more of this, now of that.
    pub fn any(chance: &mut Chance) -> Self {
        [Self::Nothing, Self::Everything, Self::Sectors, Self::Sectors, Self::UpTo, Self::UpTo]
            [chance.below(6)]
    }
}

/// Dice. A number of their own makes a run of them.
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new() -> Self {
        let mut seed = [0; 8];
        SystemRandom.fill(&mut seed);
        Self(u64::from_ne_bytes(seed) | 1)
    }

    /// A number below another (xorshift).
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).expect("64 bits") % end.max(1)
    }
}

#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, data: Vec<u8> },
    Truncate(usize),
}

/// The contents of a file, under whatever name.
#[derive(Debug, Default)]
struct Contents {
    synchronised: Vec<u8>,
    /// With the number of the record.
    pending: Vec<(u64, Change)>,
}

/// What a name leads to: the number of the contents.
#[derive(Debug, Default)]
struct Name {
    synchronised: Option<u32>,
    pending: Vec<(u64, Option<u32>)>,
}

/// The files of a database and what a power cut would leave of them.
#[derive(Debug)]
pub struct Disk {
    database: PathBuf,
    names: [Name; 3],
    contents: BTreeMap<(usize, u32), Contents>,
}

impl Disk {
    /// What is there now; all of it is synchronised.
    pub fn of(database: &Path) -> Self {
        let mut disk = Self {
            database: database.into(),
            names: Default::default(),
            contents: BTreeMap::new(),
        };
        for file in 0..SUFFIXES.len() {
            if let Ok(synchronised) = std::fs::read(disk.path(file)) {
                disk.names[file].synchronised = Some(0);
                let contents = Contents { synchronised, pending: Vec::new() };
                disk.contents.insert((file, 0), contents);
            }
        }
        disk
    }

    fn path(&self, file: usize) -> PathBuf {
        PathBuf::from(format!("{}{}", self.database.display(), SUFFIXES[file]))
    }

    /// Takes in a log, and says how many records it has. The last may be cut short: that was not
    /// finished.
    pub fn take_in(&mut self, log: &[u8]) -> usize {
        let (mut at, mut record) = (0, 0);
        while let Some(head) = log.get(at..at + HEAD) {
            let half = |n: usize| u32::from_ne_bytes(head[n..n + 4].try_into().expect("four"));
            let whole = |n: usize| u64::from_ne_bytes(head[n..n + 8].try_into().expect("eight"));
            let (kind, file, generation) = (half(0), half(4) as usize, half(8));
            let (place, length) = (whole(16), usize::try_from(whole(24)).expect("64 bits"));
            at += HEAD;
            let end = if kind == 1 { at + length } else { at };
            let Some(data) = log.get(at..end) else { break };
            at = end;
            let place = usize::try_from(place).expect("64 bits");
            match kind {
                1 => {
                    let change = Change::Write { at: place, data: data.to_vec() };
                    self.change(file, generation, record, change);
                }
                2 => self.change(file, generation, record, Change::Truncate(place)),
                3 => self.synchronise(file, generation, place as u64),
                4 => {
                    self.contents.insert((file, generation), Contents::default());
                    self.names[file].pending.push((record, Some(generation)));
                }
                5 => self.names[file].pending.push((record, None)),
                6 => self.synchronise_names(place as u64),
                other => panic!("a record of kind {other}"),
            }
            record += 1;
        }
        usize::try_from(record).expect("64 bits")
    }

    fn change(&mut self, file: usize, generation: u32, record: u64, change: Change) {
        self.contents.entry((file, generation)).or_default().pending.push((record, change));
    }

    fn synchronise(&mut self, file: usize, generation: u32, before: u64) {
        let contents = self.contents.entry((file, generation)).or_default();
        let done = contents.pending.partition_point(|(record, _)| *record < before);
        for (_, change) in contents.pending.drain(..done) {
            apply(&mut contents.synchronised, &change);
        }
    }

    fn synchronise_names(&mut self, before: u64) {
        for name in &mut self.names {
            let done = name.pending.partition_point(|(record, _)| *record < before);
            if let Some((_, leads_to)) = name.pending.drain(..done).next_back() {
                name.synchronised = leads_to;
            }
        }
    }

    /// How many changes to the database itself are not synchronised.
    pub fn pending_in_database(&self) -> usize {
        let database = self.contents.iter().filter(|((file, _), _)| *file == 0);
        database.map(|(_, contents)| contents.pending.len()).sum()
    }

    /// Puts in place what a cut leaves.
    pub fn cut(self, cut: Cut, chance: &mut Chance) {
        for (file, name) in self.names.iter().enumerate() {
            let path = self.path(file);
            let happened = match cut {
                Cut::Nothing => 0,
                Cut::Everything => name.pending.len(),
                Cut::Sectors | Cut::UpTo => chance.below(name.pending.len() + 1),
            };
            let last = happened.checked_sub(1).and_then(|last| name.pending.get(last));
            let leads_to = last.map_or(name.synchronised, |(_, leads_to)| *leads_to);
            match leads_to.and_then(|generation| self.contents.get(&(file, generation))) {
                Some(contents) => std::fs::write(path, contents.after(cut, chance)),
                None => std::fs::remove_file(path).or(Ok(())),
            }
            .expect("the directory is writable");
        }
    }
}

impl Contents {
    fn after(&self, cut: Cut, chance: &mut Chance) -> Vec<u8> {
        let mut bytes = self.synchronised.clone();
        let last = chance.below(self.pending.len() + 1);
        for (number, (_, change)) in self.pending.iter().enumerate() {
            match (cut, change) {
                (Cut::Nothing, _) => {}
                (Cut::Everything, _) => apply(&mut bytes, change),
                (Cut::UpTo, _) if number < last => apply(&mut bytes, change),
                (Cut::UpTo, Change::Write { at, data }) if number == last => {
                    write(&mut bytes, *at, &data[..chance.below(data.len())]);
                }
                (Cut::UpTo, _) => {}
                (Cut::Sectors, Change::Write { at, data }) => {
                    scatter(&mut bytes, *at, data, chance)
                }
                (Cut::Sectors, Change::Truncate(_)) if chance.below(2) == 0 => {}
                (Cut::Sectors, _) => apply(&mut bytes, change),
            }
        }
        bytes
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { at, data } => write(bytes, *at, data),
        Change::Truncate(length) => bytes.resize(*length, 0),
    }
}

fn write(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    let end = at + data.len();
    if !data.is_empty() {
        bytes.resize(bytes.len().max(end), 0);
        bytes[at..end].copy_from_slice(data);
    }
}

/// Writes some sectors and leaves others.
fn scatter(bytes: &mut Vec<u8>, at: usize, data: &[u8], chance: &mut Chance) {
    let mut from = 0;
    while from < data.len() {
        let to = (from + SECTOR - (at + from) % SECTOR).min(data.len());
        let sector = &data[from..to];
        match chance.below(8) {
            0 => write(bytes, at + from, &sector[..chance.below(sector.len())]),
            1..4 => write(bytes, at + from, sector),
            _ => {}
        }
        from = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u32, file: u32, generation: u32, at: u64, data: &[u8]) -> Vec<u8> {
        let halves = [kind, file, generation, 0].map(u32::to_ne_bytes).concat();
        [halves, [at, data.len() as u64].map(u64::to_ne_bytes).concat(), data.to_vec()].concat()
    }

    /// A database `old`, over which `new!` was written; and what a cut after more records leaves.
    fn left(more: &[Vec<u8>], cut: Cut) -> Vec<u8> {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let path = directory.path().join("a.db");
        std::fs::write(&path, "old").expect("writable");
        let mut disk = Disk::of(&path);
        disk.take_in(&[vec![record(1, 0, 0, 0, b"new!")], more.to_vec()].concat().concat());
        disk.cut(cut, &mut Chance(7));
        std::fs::read(&path).expect("it is there")
    }

    #[test]
    fn k_04_what_was_synchronised_stays_and_the_rest_may_go() {
        assert_eq!(left(&[], Cut::Nothing), b"old");
        assert_eq!(left(&[], Cut::Everything), b"new!");
        assert_eq!(left(&[record(3, 0, 0, 1, b"")], Cut::Nothing), b"new!");
        let begun_before = record(3, 0, 0, 0, b"");
        assert_eq!(left(&[begun_before], Cut::Nothing), b"old");
        let unfinished = record(1, 0, 0, 0, b"late")[..34].to_vec();
        assert_eq!(left(&[record(3, 0, 0, 1, b""), unfinished], Cut::Everything), b"new!");
        let later = record(1, 0, 0, 1, b"O");
        assert_eq!(left(&[record(3, 0, 0, 1, b""), later.clone()], Cut::Nothing), b"new!");
        assert_eq!(left(&[later, record(2, 0, 0, 3, b"")], Cut::Everything), b"nOw");
    }

    #[test]
    fn k_04_a_name_lasts_when_its_directory_was_synchronised() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let (path, wal) = (directory.path().join("a.db"), directory.path().join("a.db-wal"));
        let made = [record(4, 1, 1, 0, b""), record(1, 1, 1, 0, b"wal"), record(3, 1, 1, 2, b"")];
        for (synchronised, expected) in [(false, None), (true, Some(b"wal".to_vec()))] {
            let mut disk = Disk::of(&path);
            let mut log = made.concat();
            if synchronised {
                log.extend(record(6, 3, 0, 3, b""));
            }
            disk.take_in(&log);
            disk.cut(Cut::Nothing, &mut Chance(7));
            assert_eq!(std::fs::read(&wal).ok(), expected);
        }
    }

    #[test]
    fn k_04_sectors_are_written_or_not_each_by_itself() {
        let (mut bytes, mut chance) = (vec![0; 64 * SECTOR], Chance(7));
        scatter(&mut bytes, 0, &[1; 64 * SECTOR], &mut chance);
        let whole = bytes.chunks(SECTOR).filter(|sector| sector.iter().all(|byte| *byte == 1));
        let none = bytes.chunks(SECTOR).filter(|sector| sector.iter().all(|byte| *byte == 0));
        let (whole, none) = (whole.count(), none.count());
        assert!(whole > 10 && none > 10 && whole + none < 64, "{whole} and {none}");
    }
}
