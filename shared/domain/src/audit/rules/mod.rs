//! The rules about who may do what: `R01` to `R44`, in the order of the table that they come from.

mod avd;
mod combination;
mod entitled;
mod grants;
pub(super) mod helpers;
mod r01_owners_outside_range;
mod r02_owner_on_service_principal;
mod r03_power_on_a_user;
mod r04_direct_user_assignments;
mod r05_guest_with_power;
mod r06_guest_with_a_role;
mod r07_disabled_account;
mod r08_deleted_principal;
mod r09_deleted_role;
mod r10_unused_custom_role;
mod r11_hidden_owner;
mod r12_custom_role_writes_assignments;
mod r13_unconstrained_delegation;
mod r14_elevated_access;
mod r15_inherited_assignments;
mod r16_single_resource;
mod r17_standing_privilege;
mod r18_endless_eligibility;
mod r19_classic_administrator;
mod r20_near_the_limits;
mod r21_no_lock_role;
mod r22_identity_and_machine;
mod r23_granted_twice;
mod r24_entitlement_above_group;
mod r25_entitlement_of_user;
mod r26_entitlement_of_the_wrong;
mod r27_group_for_nobody;
mod r28_desktop_and_remote_apps;
mod r29_autoscale_without_power;
mod r30_start_on_connect_without_power;
mod r31_avd_service_with_more;
mod r32_role_of_name_sake;
mod r33_publish_to_oneself;
mod r34_registration_tokens;
mod r35_registration_token_alive;
mod r36_machine_contributor_of_people;
mod r37_administrator_login;
mod r38_entitled_without_login;
mod r39_operators_above_pool;
mod r40_elevated_shares;
mod r41_secrets;
mod r42_vendor_with_power;
mod r43_left_over;
mod r44_unread;
mod remedy;
pub(super) mod standing;

use super::rule::Rule;

/// The rules, by id.
pub const RULES: &[Rule] = &[
    r01_owners_outside_range::RULE,
    r02_owner_on_service_principal::RULE,
    r03_power_on_a_user::RULE,
    r04_direct_user_assignments::RULE,
    r05_guest_with_power::RULE,
    r06_guest_with_a_role::RULE,
    r07_disabled_account::RULE,
    r08_deleted_principal::RULE,
    r09_deleted_role::RULE,
    r10_unused_custom_role::RULE,
    r11_hidden_owner::RULE,
    r12_custom_role_writes_assignments::RULE,
    r13_unconstrained_delegation::RULE,
    r14_elevated_access::RULE,
    r15_inherited_assignments::RULE,
    r16_single_resource::RULE,
    r17_standing_privilege::RULE,
    r18_endless_eligibility::RULE,
    r19_classic_administrator::RULE,
    r20_near_the_limits::RULE,
    r21_no_lock_role::RULE,
    r22_identity_and_machine::RULE,
    r23_granted_twice::RULE,
    r24_entitlement_above_group::RULE,
    r25_entitlement_of_user::RULE,
    r26_entitlement_of_the_wrong::RULE,
    r27_group_for_nobody::RULE,
    r28_desktop_and_remote_apps::RULE,
    r29_autoscale_without_power::RULE,
    r30_start_on_connect_without_power::RULE,
    r31_avd_service_with_more::RULE,
    r32_role_of_name_sake::RULE,
    r33_publish_to_oneself::RULE,
    r34_registration_tokens::RULE,
    r35_registration_token_alive::RULE,
    r36_machine_contributor_of_people::RULE,
    r37_administrator_login::RULE,
    r38_entitled_without_login::RULE,
    r39_operators_above_pool::RULE,
    r40_elevated_shares::RULE,
    r41_secrets::RULE,
    r42_vendor_with_power::RULE,
    r43_left_over::RULE,
    r44_unread::RULE,
];

#[cfg(test)]
mod tests;
