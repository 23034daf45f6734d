//! File rules by Landlock, fully enforced or refused.
//!
//! The library's usual best effort would report success on a kernel that enforces less; here every right of the
//! version that the plan names is required.

use std::io;
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};

use crate::error::{Step, StepError};
use crate::plan::LandlockPlan;

/// Locks this thread and everything it makes into the plan, for good.
pub fn apply(plan: &LandlockPlan) -> Result<(), StepError> {
    restrict(plan).map_err(io::Error::other).step(|| "apply the landlock rules".to_owned())
}

fn version(number: u32) -> ABI {
    match number {
        0..=3 => ABI::V3,
        4 => ABI::V4,
        5 => ABI::V5,
        _ => ABI::V6,
    }
}

fn restrict(plan: &LandlockPlan) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let abi = version(plan.version);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(abi))?;
    if plan.version >= 6 {
        ruleset = ruleset.scope(Scope::from_all(abi))?;
    }
    let read = AccessFs::from_read(abi);
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    let list: BitFlags<AccessFs> = AccessFs::ReadDir.into();
    let mut created = ruleset.create()?;
    created = allow(created, &plan.list, list, abi)?;
    created = allow(created, &plan.read, read, abi)?;
    created = allow(created, &plan.write, AccessFs::from_all(abi), abi)?;
    created = allow(created, &plan.devices, device, abi)?;
    match created.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => Ok(()),
        other => Err(format!("the kernel enforces the rules only in part: {other:?}").into()),
    }
}

fn allow(
    mut rules: RulesetCreated,
    paths: &[PathBuf],
    access: BitFlags<AccessFs>,
    abi: ABI,
) -> Result<RulesetCreated, Box<dyn std::error::Error + Send + Sync>> {
    for path in paths {
        // A tree that this system does not have needs no rule.
        let Ok(metadata) = std::fs::metadata(path) else { continue };
        let access = if metadata.is_dir() { access } else { access & AccessFs::from_file(abi) };
        rules = rules.add_rule(PathBeneath::new(PathFd::new(path)?, access))?;
    }
    Ok(rules)
}
