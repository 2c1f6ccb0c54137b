//! Conditions of role assignments (attribute-based access control), as far as they are understood: those that limit
//! which roles somebody may assign, and to whom.
//! <https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples>

/// Whether a condition limits what may be assigned: it lets through what is not about role assignments, and asks of a
/// new role assignment which role it is for, or for whom.
pub fn constrains_delegation(condition: &str) -> bool {
    let text: String = condition.to_ascii_lowercase().split_whitespace().collect();
    text.contains("actionmatches{'microsoft.authorization/roleassignments/write'}")
        && text.contains("@request[microsoft.authorization/roleassignments:")
}
