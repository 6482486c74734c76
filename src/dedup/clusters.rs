//! Clusters grown from their survivors.
//!
//! Samples are taken in the order of the keep policy. One that is directly like a survivor becomes its duplicate: of
//! several the survivor that comes first. One that is like none survives. So a chain of small changes cannot pull unlike
//! samples together.

use crate::similarity::union::Union;
use crate::store::Method;

/// What happens to duplicates inside a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// Near and exact ones are duplicates.
    Near,
    /// Only exact ones.
    Exact,
    /// None.
    Off,
}

/// What clusters need to know of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Number of its source.
    pub source: i64,
    /// What happens inside its source.
    pub within: Within,
    /// Equal for samples of equal code.
    pub content: u32,
    /// Whether it is never a duplicate.
    pub exempt: bool,
}

/// What samples are alike by: each stands at a node, nodes with equal shingles are one, and edges join near ones.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// By what its edges were found.
    pub method: Option<Method>,
    /// The node of each sample; `None` where it takes no part (no shingles, or too few tokens).
    pub node: Vec<Option<u32>>,
    /// Where each node's edges begin in `edges`; one more at the end.
    pub starts: Vec<u32>,
    /// The other node and the similarity, by node.
    pub edges: Vec<(u32, f64)>,
}

impl Layer {
    /// Makes it of nodes and of edges between them, each edge once.
    pub fn new(method: Method, node: Vec<Option<u32>>, nodes: usize, pairs: &[(u32, u32, f64)]) -> Layer {
        let mut both: Vec<(u32, u32, f64)> = pairs.iter().flat_map(|&(a, b, s)| [(a, b, s), (b, a, s)]).collect();
        both.sort_unstable_by_key(|&(a, b, _)| (a, b));
        let mut starts = vec![0u32; nodes + 1];
        both.iter().for_each(|(a, ..)| starts[*a as usize + 1] += 1);
        for at in 0..nodes {
            starts[at + 1] += starts[at];
        }
        let edges = both.into_iter().map(|(_, b, s)| (b, s)).collect();
        Layer { method: Some(method), node, starts, edges }
    }

    /// The nodes that a node is near to.
    pub fn near(&self, node: u32) -> &[(u32, f64)] {
        &self.edges[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize]
    }

    /// How many near pairs there are among nodes that samples stand at.
    pub fn pairs_taking_part(&self) -> usize {
        let mut stands = vec![false; self.starts.len()];
        self.node.iter().flatten().for_each(|node| stands[*node as usize] = true);
        let nodes = 0..self.starts.len().saturating_sub(1) as u32;
        let of = |node: u32| self.near(node).iter().filter(move |(other, _)| *other > node);
        nodes.filter(|node| stands[*node as usize]).flat_map(of).filter(|(other, _)| stands[*other as usize]).count()
    }

    /// Joins samples that are alike, whatever their sources say.
    pub fn join(&self, union: &mut Union) {
        self.join_where(union, &|_| true);
    }

    /// Joins those of some samples that are alike.
    pub fn join_where(&self, union: &mut Union, takes_part: &dyn Fn(u32) -> bool) {
        let nodes = self.starts.len().saturating_sub(1);
        let mut first: Vec<Option<u32>> = vec![None; nodes];
        for (at, node) in self.node.iter().enumerate() {
            let Some(node) = node.filter(|_| takes_part(at as u32)) else { continue };
            union.join(*first[node as usize].get_or_insert(at as u32), at as u32);
        }
        for node in 0..nodes as u32 {
            let Some(one) = first[node as usize] else { continue };
            for (other, _) in self.near(node) {
                if let Some(other) = first[*other as usize] {
                    union.join(one, other);
                }
            }
        }
    }
}

/// What a duplicate is a duplicate of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen {
    /// Place of the survivor.
    pub survivor: u32,
    /// How alike they are.
    pub similarity: f64,
    /// By what.
    pub method: Method,
}

/// Decides who survives among those in `order` (places, the first is kept before all others); all others are left out.
pub fn choose(members: &[Member], order: &[u32], layers: &[Layer]) -> Vec<Option<Chosen>> {
    // When each survivor was taken: survivors that came first stand for more.
    let mut turn = vec![u32::MAX; members.len()];
    let contents = members.iter().map(|member| member.content as usize + 1).max().unwrap_or(0);
    let mut copies: Vec<Vec<u32>> = vec![Vec::new(); contents];
    let mut at_node: Vec<Vec<Vec<u32>>> =
        layers.iter().map(|layer| vec![Vec::new(); layer.starts.len().saturating_sub(1)]).collect();
    let mut out: Vec<Option<Chosen>> = vec![None; members.len()];
    for (place, &at) in order.iter().enumerate() {
        let member = &members[at as usize];
        let apart = |other: u32| members[other as usize].source != member.source;
        let mut best: Option<Chosen> = None;
        let mut offer = |chosen: Chosen| {
            if best.is_none_or(|best| turn[chosen.survivor as usize] < turn[best.survivor as usize]) {
                best = Some(chosen);
            }
        };
        if !member.exempt {
            for &other in &copies[member.content as usize] {
                if apart(other) || member.within != Within::Off {
                    offer(Chosen { survivor: other, similarity: 1.0, method: Method::Exact });
                }
            }
            for (layer, survivors) in layers.iter().zip(&at_node) {
                let (Some(node), Some(method)) = (layer.node[at as usize], layer.method) else { continue };
                for (other, similarity) in std::iter::once((node, 1.0)).chain(layer.near(node).iter().copied()) {
                    let first =
                        survivors[other as usize].iter().find(|other| apart(**other) || member.within == Within::Near);
                    if let Some(&survivor) = first {
                        offer(Chosen { survivor, similarity, method });
                    }
                }
            }
        }
        if let Some(chosen) = best {
            out[at as usize] = Some(chosen);
            continue;
        }
        turn[at as usize] = place as u32;
        copies[member.content as usize].push(at);
        for (layer, survivors) in layers.iter().zip(&mut at_node) {
            if let Some(node) = layer.node[at as usize] {
                survivors[node as usize].push(at);
            }
        }
    }
    out
}
