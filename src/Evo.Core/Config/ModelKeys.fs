namespace Evo.Core

open System.Collections.Generic

/// What a key of a configuration may hold.
type KeyKind =
    /// A whole number.
    | Integer = 0
    /// Any finite number.
    | Number = 1
    /// true or false.
    | Boolean = 2
    /// A text.
    | Text = 3
    /// An object whose members its reader checks, such as `rope_scaling`.
    | Object = 4
    /// A number from 0 to 1; `true` counts as 1 and `false` as 0.
    | Fraction = 5
    /// A list of texts.
    | Texts = 6

/// One key that the `model` section of a configuration may hold for one family of models. The spec's generator writes
/// these; InternEvo's names stand where it has the same thing.
type ModelKey =
    {
        /// The key as a person writes it, such as `num_attention_heads`.
        Name: string
        /// What it may hold.
        Kind: KeyKind
        /// True when a configuration must give it.
        Required: bool
        /// True when `null` may be written for "not set".
        Nullable: bool
        /// The value it has when it is not given, as JSON (`32`, `"silu"`, `null`); empty when it is required.
        Default: string
        /// What it means, with its unit: one or two sentences.
        Doc: string
        /// The only texts it may hold; empty when any will do.
        Choices: IReadOnlyList<string>
        /// The smallest number it may hold; minus infinity when there is none.
        Minimum: float
    }

/// All keys of the `model` section that one family of models adds to those that every family has.
type ModelFamilyKeys =
    {
        /// The name that `model_type` selects it by, such as `INTERNLM2`.
        Family: string
        /// Hugging Face's name of the architecture, such as `InternLM2ForCausalLM`.
        Architecture: string
        /// What the family is, in a sentence.
        Doc: string
        /// The keys, in the order in which the documentation shows them.
        Keys: IReadOnlyList<ModelKey>
    }
