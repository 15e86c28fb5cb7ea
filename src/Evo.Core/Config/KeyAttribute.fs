namespace Evo.Core

open System

/// Says everything about one key of a configuration beside the field that holds its value. Reader, defaults, JSON
/// Schema, documentation and error messages are all made from it, so that a key is described once.
[<AttributeUsage(AttributeTargets.Property)>]
type KeyAttribute(doc: string, fallback: string) =
    inherit Attribute()

    /// A key that must be given.
    new(doc) = KeyAttribute(doc, "")

    /// What the key means, with its unit.
    member _.Doc = doc
    /// The value when the key is not given, as JSON; empty when it must be given; `null` when it may stay unset.
    member _.Default = fallback
    /// The key's name where it is not the field's in snake case.
    member val Name = "" with get, set
    /// The smallest number allowed.
    member val Minimum = Double.NegativeInfinity with get, set
    /// The largest number allowed.
    member val Maximum = Double.PositiveInfinity with get, set
    /// True when the bounds themselves are not allowed.
    member val Exclusive = false with get, set
    /// The texts allowed, joined by `|`; empty for any.
    member val Choices = "" with get, set
    /// A rule beyond the bounds, for people, such as "a power of two".
    member val Rule = "" with get, set
    /// True for a number from 0 to 1 that may also be written as true or false.
    member val Fraction = false with get, set
    /// True for a section that may also be written as the value of its first key, such as `"tensor": 1`.
    member val Bare = false with get, set
