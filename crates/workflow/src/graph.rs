//! Facts of a plan's graph: order, groups, critical path.

use std::collections::{BTreeMap, BTreeSet};

use model::StepName;

use crate::plan::Plan;

/// A topological order of the nodes `0..needs.len()`, where `needs[n]` lists what stands before `n`.
/// Of those that could come next, the lowest comes first.
///
/// # Errors
/// The cycles, each as the nodes on the way from its lowest node along the needs back to it.
pub(crate) fn order(needs: &[Vec<usize>]) -> Result<Vec<usize>, Vec<Vec<usize>>> {
    let mut left: BTreeSet<usize> = (0..needs.len()).collect();
    let order = peel(needs, &mut left);
    if left.is_empty() {
        return Ok(order);
    }
    let mut cycles = Vec::new();
    while let Some(first) = left.first() {
        let cycle = walk(needs, &left, *first);
        for node in &cycle {
            left.remove(node);
        }
        cycles.push(cycle);
        peel(needs, &mut left);
    }
    Err(cycles)
}

/// Takes out of `left` what needs nothing that is left, lowest first, until nothing more can go.
fn peel(needs: &[Vec<usize>], left: &mut BTreeSet<usize>) -> Vec<usize> {
    let mut needed_by = vec![Vec::new(); needs.len()];
    let mut open = vec![0_usize; needs.len()];
    for &node in left.iter() {
        for &need in needs[node].iter().filter(|need| left.contains(need)) {
            needed_by[need].push(node);
            open[node] += 1;
        }
    }
    let mut ready: BTreeSet<usize> = left.iter().copied().filter(|n| open[*n] == 0).collect();
    let mut order = Vec::with_capacity(left.len());
    while let Some(node) = ready.pop_first() {
        left.remove(&node);
        order.push(node);
        for &next in &needed_by[node] {
            open[next] -= 1;
            if open[next] == 0 {
                ready.insert(next);
            }
        }
    }
    order
}

/// Follows needs within `left` until a node comes again. Each node of `left` has one there.
fn walk(needs: &[Vec<usize>], left: &BTreeSet<usize>, from: usize) -> Vec<usize> {
    let mut path = vec![from];
    let mut node = from;
    while let Some(&next) = needs[node].iter().find(|need| left.contains(need)) {
        if let Some(start) = path.iter().position(|seen| *seen == next) {
            path.drain(..start);
            break;
        }
        path.push(next);
        node = next;
    }
    let lowest = path
        .iter()
        .enumerate()
        .min_by_key(|(_, node)| **node)
        .map_or(0, |(at, _)| at);
    path.rotate_left(lowest);
    path
}

/// Everything that stands before each node, near and far.
pub(crate) fn all_before(needs: &[Vec<usize>], order: &[usize]) -> Vec<BTreeSet<usize>> {
    let mut before = vec![BTreeSet::new(); needs.len()];
    for &node in order {
        let mut all = BTreeSet::new();
        for &need in &needs[node] {
            all.insert(need);
            all.extend(&before[need]);
        }
        before[node] = all;
    }
    before
}

/// The steps in groups: each stands one group behind the last of its needs, so that the steps of a
/// group can run side by side.
pub fn groups(plan: &Plan) -> Vec<Vec<&StepName>> {
    let mut level: BTreeMap<&StepName, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<&StepName>> = Vec::new();
    for step in &plan.steps {
        let at = step
            .needs
            .iter()
            .filter_map(|need| level.get(need))
            .max()
            .map_or(0, |last| last + 1);
        level.insert(&step.name, at);
        if groups.len() <= at {
            groups.resize_with(at + 1, Vec::new);
        }
        groups[at].push(&step.name);
    }
    groups
}

/// For each step the weight of the heaviest way from it to the end, its own included.
pub fn weight_behind(plan: &Plan) -> BTreeMap<&StepName, u64> {
    let mut behind: BTreeMap<&StepName, u64> = BTreeMap::new();
    for step in plan.steps.iter().rev() {
        let own = behind.remove(&step.name).unwrap_or(0) + u64::from(step.weight);
        behind.insert(&step.name, own);
        for need in &step.needs {
            let heaviest = behind.entry(need).or_insert(0);
            *heaviest = own.max(*heaviest);
        }
    }
    behind
}

/// The heaviest way through the plan, from its first step to its last; of equal ones that which the
/// plan names first.
pub fn critical_path(plan: &Plan) -> Vec<&StepName> {
    let behind = weight_behind(plan);
    let mut path: Vec<&StepName> = Vec::new();
    loop {
        let mut next: Option<&StepName> = None;
        for step in &plan.steps {
            let follows = match path.last() {
                None => step.needs.is_empty(),
                Some(last) => step.needs.contains(last),
            };
            if follows && next.is_none_or(|best| behind.get(&step.name) > behind.get(best)) {
                next = Some(&step.name);
            }
        }
        match next {
            Some(step) if path.len() < plan.steps.len() => path.push(step),
            _ => return path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_could_come_next_the_lowest_comes_first() {
        // 0 needs 3; 1 and 2 are free.
        assert_eq!(
            order(&[vec![3], vec![], vec![], vec![]]),
            Ok(vec![1, 2, 3, 0])
        );
    }

    #[test]
    fn every_cycle_is_found_and_what_only_stands_behind_one_is_not_blamed() {
        // 0 -> 1 -> 0, 2 -> 2, 3 needs both.
        let needs = [vec![1], vec![0], vec![2], vec![0, 2]];
        assert_eq!(order(&needs), Err(vec![vec![0, 1], vec![2]]));
    }

    #[test]
    fn before_goes_all_the_way_back() {
        let needs = [vec![], vec![0], vec![1]];
        let before = all_before(&needs, &[0, 1, 2]);
        assert_eq!(before[2], BTreeSet::from([0, 1]));
    }
}
