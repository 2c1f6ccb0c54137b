//! The rules of the evaluation by name, so that a test can break each of them on purpose and see whether it would notice.

/// A rule of Azure's, or of this evaluation's dealing with what could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// What is assigned at a scope holds below it.
    Inheritance,
    /// … also through management groups.
    ManagementGroups,
    /// Members of a group that is in a group are in that too.
    NestedGroups,
    /// A deny assignment takes away.
    Deny,
    /// … but not from those that it leaves out,
    DenyExclusion,
    /// … nor below its scope if it says so.
    DenyAtScopeOnly,
    /// The all-zero id is everybody.
    DenyEverybody,
    /// A deny assignment with a condition may or may not apply.
    DenyCondition,
    /// So may one that is for a group whose members could not be read, or leaves such a group out.
    DenyOpaque,
    /// What somebody could activate is not held now.
    EligibleIsNotActive,
    /// What Privileged Identity Management lists as inherited or through a group is no grant of its own.
    DirectInstancesOnly,
    /// A condition stands in the way,
    Condition,
    /// … and one that limits delegation only in the way of assigning roles.
    DelegationBindsAssignments,
    /// A group whose members could not be read may have anybody in it.
    OpaqueGroups,
    /// … but that matters only where the group holds something.
    OpaqueGroupsThatHold,
    /// A role without a definition may grant anything.
    MissingDefinition,
    /// Where grants could not be read there may be more.
    Unread,
    /// Ids of principals are compared without regard to case and dashes.
    PrincipalSpelling,
    /// Ids of scopes are compared without regard to case.
    ScopeSpelling,
    /// What one role does not grant, another may.
    #[cfg(test)]
    UnionOverRoles,
    /// `notActions` take away within a role.
    NotActions,
    /// Data actions are apart.
    Planes,
    /// `*` stands anywhere in an action.
    #[cfg(test)]
    WildcardAnywhere,
    /// Actions are compared without regard to case.
    #[cfg(test)]
    ActionSpelling,
}

#[cfg(test)]
impl Rule {
    /// All of them.
    pub(super) const ALL: [Self; 24] = [
        Self::Inheritance,
        Self::ManagementGroups,
        Self::NestedGroups,
        Self::Deny,
        Self::DenyExclusion,
        Self::DenyAtScopeOnly,
        Self::DenyEverybody,
        Self::DenyCondition,
        Self::DenyOpaque,
        Self::EligibleIsNotActive,
        Self::DirectInstancesOnly,
        Self::Condition,
        Self::DelegationBindsAssignments,
        Self::OpaqueGroups,
        Self::OpaqueGroupsThatHold,
        Self::MissingDefinition,
        Self::Unread,
        Self::PrincipalSpelling,
        Self::ScopeSpelling,
        Self::UnionOverRoles,
        Self::NotActions,
        Self::Planes,
        Self::WildcardAnywhere,
        Self::ActionSpelling,
    ];
}

/// Whether a rule is kept: always.
#[cfg(not(test))]
pub(super) const fn kept(_: Rule) -> bool {
    true
}

#[cfg(test)]
pub(super) use super::tests::mutation::kept;
