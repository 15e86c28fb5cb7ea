namespace Evo.Core.Python

open System.Numerics
open Evo.Core

/// What an expression of a Python configuration is made of. Only what such configurations use is here; everything else is
/// refused where it stands.
type internal Expression =
    {
        At: Place
        /// Levels of the tree from here down, so that nobody walks into a tree that the stack cannot hold.
        Depth: int
        Node: Node
    }

and internal Node =
    | NoneLiteral
    | BoolLiteral of bool
    | IntLiteral of BigInteger
    | FloatLiteral of float
    /// Texts that follow one another are one text.
    | TextLiteral of TextPart list
    | Name of string
    | ListLiteral of Expression list
    | TupleLiteral of Expression list
    | SetLiteral of Expression list
    | DictLiteral of DictEntry list
    /// `value.name`
    | Member of Expression * string
    /// `value[index]`
    | Item of Expression * Expression
    | Call of Expression * Argument list
    /// `-`, `+`, `~` or `not`
    | Unary of string * Expression
    | Binary of string * Expression * Expression
    /// `a < b <= c`: a first value, and what each next one is compared by.
    | Comparison of Expression * (string * Expression) list
    | And of Expression * Expression
    | Or of Expression * Expression
    /// `yes if test else no`
    | Conditional of test: Expression * yes: Expression * no: Expression

/// A piece of a text: letters, or a field of an f-string.
and internal TextPart =
    | Letters of string
    /// `{value!r:spec}`; the conversion is `r`, `s` or none.
    | Field of value: Expression * conversion: char option * spec: string

and internal DictEntry =
    | Pair of key: Expression * value: Expression
    /// `**other`
    | Spread of Expression

and internal Argument =
    | Positional of Expression
    | Keyword of name: string * at: Place * value: Expression
    /// `**other`
    | SpreadArgument of Expression

/// One statement, with the place where it begins.
type internal Statement = { At: Place; Act: Act }

and internal Act =
    /// `a = b = value`, with the targets in the order in which they are given.
    | Assign of targets: Expression list * value: Expression
    /// `a += value`, with the operator before the `=`.
    | Augment of target: Expression * operator: string * value: Expression
    /// An expression for what it does, such as `model.update(…)`, or a text that nobody reads.
    | Evaluate of Expression
    /// `import os`, bound to a name.
    | Import of modul: string * name: string
    /// `from module import names`; no names for `*`. Dots in front count folders upwards.
    | ImportFrom of dots: int * modul: string * names: (string * string) list
    /// `with read_base():`: what is imported here is read as configuration.
    | ReadBase of Statement list
    /// `if`, `elif` and `else`: the first block whose test holds.
    | Choose of (Expression * Statement list) list * otherwise: Statement list
    | Delete of Expression list
    | Pass
