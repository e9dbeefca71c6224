"""Whole shoots: folders of frames become stacks, each is fused once, whatever interrupts it.

`folders` finds frames, `groups` tells stacks apart, `plan` names what will be made, `ledger`
remembers what is done, `runs` fuses, `report` tells, `watch` does all that as files arrive.
"""
