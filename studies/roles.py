"""The roles of a trial's fields: what the parts of this project need to know about each field."""

from enum import Flag, auto


class Role(Flag):
    """What a field of `Trial` is to the parts of this project that treat fields differently.

    Every field has exactly one of `PACK`, `ARM` and `REPLICA`; the other roles are independent.

    Attributes:
        COMPONENT: names a component, whose revision becomes part of the trial.
        DATA: names a data set.
        METHOD: belongs to the methods; training the weights themselves (`dense`) ignores it.
        DECLARED: is used only by components that declare it in their ``READS``, and refused if no
            component of the trial does.
        RECIPE: says how a network is optimised; a method may have a recipe of its own.
        CONTROL: makes a trial a control of another one: nobody would train like that otherwise.
        PACK: must be the same in all trials of a pack.
        ARM: must be the same in all trials that a pack hands to one method.
        REPLICA: may differ between any two trials of a pack.
        SHAPE: decides the time and memory of a step on a GPU, whatever the method.
        COST: decides most of the time of a step on a CPU.
    """

    COMPONENT = auto()
    DATA = auto()
    METHOD = auto()
    DECLARED = auto()
    RECIPE = auto()
    CONTROL = auto()
    PACK = auto()
    ARM = auto()
    REPLICA = auto()
    SHAPE = auto()
    COST = auto()
