namespace Evo.Core

/// A rule that speaks about more than one key, and that a configuration breaks.
type internal BrokenRule =
    {
        /// The key that is shown; its place and value are looked up in the text.
        Path: string
        /// Other keys that the rule depends on: where one of them is itself in error, the rule is not reported.
        With: string list
        Rule: string
        Hint: string
    }

[<AutoOpen>]
module internal BrokenRules =

    let broken path others rule hint =
        {
            Path = path
            With = others
            Rule = rule
            Hint = hint
        }
