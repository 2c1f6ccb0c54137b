//! The virtual machines of session hosts that are joined to Microsoft Entra.

use crate::ArmId;
use crate::audit::Audit;
use crate::audit::context::SESSION_HOSTS;
use std::collections::{BTreeMap, BTreeSet, HashSet};

const EXTENSIONS: &str = "microsoft.compute/virtualmachines/extensions";
/// The extension that joins a virtual machine to Microsoft Entra.
const JOINING: &str = "AADLoginForWindows";

/// The machines by host pool.
pub(super) fn joined_machines(audit: &Audit<'_>) -> BTreeMap<ArmId, BTreeSet<ArmId>> {
    let joining = audit
        .facts
        .resources_of(EXTENSIONS)
        .filter(|extension| extension.text("type").is_some_and(|kind| kind.eq_ignore_ascii_case(JOINING)));
    let joined: HashSet<ArmId> = joining.filter_map(|extension| extension.id.up_to("virtualMachines")).collect();
    let mut machines: BTreeMap<ArmId, BTreeSet<ArmId>> = BTreeMap::new();
    for host in audit.facts.resources_of(SESSION_HOSTS) {
        let (pool, machine) = (host.id.up_to("hostPools"), host.reference("resourceId"));
        if let (Some(pool), Some(machine)) = (pool, machine.filter(|machine| joined.contains(machine))) {
            machines.entry(pool).or_default().insert(machine);
        }
    }
    machines
}
