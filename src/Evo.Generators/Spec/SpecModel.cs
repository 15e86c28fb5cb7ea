// What the parser hands to the emitter: a spec as plain values. Nothing here knows the compiler.
using System;

namespace Evo.Generators.Spec;

/// <summary>One model record with its layers, as read.</summary>
internal sealed record ModelSpec(
    string Family,
    string Architecture,
    string ModelType,
    string Doc,
    EquatableArray<PropertySpec> Properties,
    EquatableArray<DividesSpec> Divides,
    EquatableArray<OnlySpec> Only,
    EquatableArray<string> Neutral,
    BlockSpec Body,
    EquatableArray<BlockSpec> Layers) : IEquatable<ModelSpec>;

/// <summary>A record that has parts and a forward: the model itself or one kind of layer.</summary>
/// <param name="ModelParameter">In a layer: name of the constructor parameter that is the model; else empty.</param>
/// <param name="IndexParameter">In a layer: name of the constructor parameter that is its index, or empty.</param>
/// <param name="IndexFirst">Whether the index stands before the model in the constructor.</param>
/// <param name="ForwardName">The public method (Tensor, Positions) → Tensor.</param>
/// <param name="InputName">Its first parameter.</param>
/// <param name="Width">In a layer: width of the residual stream, as C# in its scope.</param>
/// <param name="Defaults">What the sizes are in a model that sets none.</param>
internal sealed record BlockSpec(
    string Namespace,
    string Name,
    string Accessibility,
    string ModelParameter,
    string IndexParameter,
    bool IndexFirst,
    EquatableArray<PartSpec> Parts,
    string ForwardName,
    string InputName,
    string Width,
    EquatableArray<DefaultSpec> Defaults,
    EquatableArray<StepSpec> Forward) : IEquatable<BlockSpec>
{
    public bool IsModel => ModelParameter.Length == 0;

    public string FullName => Namespace.Length == 0 ? "global::" + Name : $"global::{Namespace}.{Name}";
}

/// <summary>A number of the configuration as the record starts it, under its name in the block's scope.</summary>
internal sealed record DefaultSpec(string Name, double Value) : IEquatable<DefaultSpec>;

internal enum PropertyType
{
    Int,
    NullableInt,
    Double,
    NullableDouble,
    Bool,
    NullableBool,
    Text,
    NullableText,
    /// <summary>A type that implements IHuggingFaceValue.</summary>
    Value,
}

/// <summary>A number or text of the model's description.</summary>
/// <param name="AlsoCalled">Computed properties that are this one where it is set: <c>Count => KvHeadCount ?? HeadCount</c>.</param>
internal sealed record PropertySpec(
    string Name,
    PropertyType Type,
    string TypeName,
    string Doc,
    string HfKey,
    string RunKey,
    bool Required,
    string RunDefault,
    EquatableArray<string> OneOf,
    RatioSpec? Ratio,
    EquatableArray<string> AlsoCalled) : IEquatable<PropertySpec>
{
    /// <summary>The smallest that a whole number may be.</summary>
    public int Least { get; init; } = 1;
}

/// <param name="MultipleKey">Empty where the ratio's product is taken as it is.</param>
/// <param name="Usual">The ratio of a run that gives neither width nor ratio.</param>
internal sealed record RatioSpec(string Key, string Of, string MultipleKey, int Multiple, string Usual) : IEquatable<RatioSpec>;

/// <summary>A size that must divide another; expressions are C# in the model's scope.</summary>
internal sealed record DividesSpec(string DivisorText, string Divisor, string DividendText, string Dividend, string Unless, string Because)
    : IEquatable<DividesSpec>;

/// <summary>A key with one legal value, as C# literal or property name.</summary>
internal sealed record OnlySpec(string Key, string Value, string Because) : IEquatable<OnlySpec>;

internal enum PartKind
{
    Layers,
    Embedding,
    Head,
    Column,
    Row,
    Linear,
    RmsNorm,
    LayerNorm,
    Rope,
    Attention,
    Dropout,
    Router,
    Experts,
}

/// <summary>A partial method with a part's attribute.</summary>
/// <param name="Sizes">The attribute's sizes as C# in the record's scope, in its order (outputs of a column are all that follow the first).</param>
/// <param name="SizeTexts">The same as the spec's author wrote them, for comments.</param>
/// <param name="Bias">"true", "false" or a C# condition.</param>
/// <param name="Init">Standard deviation as C#, or empty for the model's own.</param>
/// <param name="Extra">What only this kind has: the layer's full name, the tied part, rotary scaling, the attention's scale.</param>
/// <param name="Extra2">The condition of tying, the rotary maximum, the attention's dropout, the router's jitter.</param>
internal sealed record PartSpec(
    PartKind Kind,
    string Method,
    string Modifiers,
    EquatableArray<string> Parameters,
    string Doc,
    string Hf,
    bool Transposed,
    EquatableArray<string> Sizes,
    EquatableArray<string> SizeTexts,
    string Bias,
    string Init,
    string Extra,
    string Extra2,
    ExpertsSpec? Experts = null) : IEquatable<PartSpec>
{
    /// <summary>In a norm: whether the gain is one plus the weight; in a head: whether rows are normalized. "true", "false" or C#.</summary>
    public string Flag { get; init; } = "false";

    /// <summary>In an attention: the window as C#, "0" for none.</summary>
    public string Window { get; init; } = "0";

    /// <summary>In an attention: whether scores fall with distance. "true", "false" or C#.</summary>
    public string Alibi { get; init; } = "false";

    public bool HasWeight => Kind is PartKind.Embedding or PartKind.Head or PartKind.Column or PartKind.Row or PartKind.RmsNorm or PartKind.LayerNorm
        or PartKind.Linear or PartKind.Router or PartKind.Experts;
}

/// <summary>What only experts have; all but the names are C# in the record's scope.</summary>
/// <param name="Gate">Name of the gate in a checkpoint, or empty for an MLP without one.</param>
/// <param name="Capacity">GShard's factor in training, or empty where nothing is dropped.</param>
/// <param name="Sampled">Whether the last choice has noise: "true", "false" or C#.</param>
/// <param name="ByLot">Whether tokens are taken by lot: "true", "false" or C#.</param>
internal sealed record ExpertsSpec(
    string Activation, string Normalize, string Gate, string Up, string Down, string DownInit,
    string Capacity, string EvalCapacity, string MinCapacity, string Sampled, string ByLot) : IEquatable<ExpertsSpec>;

internal enum StepKind
{
    Part,
    Function,
    TensorMethod,
    Operator,
    Choice,
    /// <summary>The value that the forward gives back; the last step.</summary>
    Return,
}

/// <summary>
/// One step of a forward in order of execution: value <c>Output</c> is made from values <c>Inputs</c>. Values 0 and up are
/// parameters first. An operator with a number has the number's text in <c>Condition</c>, "_" standing for its tensor. A choice
/// runs one of two lists by a condition over the configuration; its inputs are pairs, what the one and the other list leaves,
/// and each pair is one of its <c>Outputs</c>, <c>Output</c> being the last.
/// </summary>
internal sealed record StepSpec(
    StepKind Kind,
    string Name,
    EquatableArray<int> Inputs,
    int Output,
    string Condition,
    EquatableArray<ArgumentSpec> Arguments,
    EquatableArray<int> Outputs,
    EquatableArray<StepSpec> Then,
    EquatableArray<StepSpec> Else) : IEquatable<StepSpec>;

/// <summary>One argument of a call as written: a tensor's value, the positions, or C# over the configuration.</summary>
/// <param name="Value">The tensor's value, <see cref="Parsing.ForwardReader.PositionsValue"/>, or <see cref="Text"/>'s mark.</param>
/// <param name="Code">C# in the record's scope where it is the configuration's.</param>
/// <param name="Constant">Its value where it is a whole number known while compiling.</param>
internal sealed record ArgumentSpec(int Value, string Code, int? Constant) : IEquatable<ArgumentSpec>
{
    /// <summary>Marks an argument that is text.</summary>
    public const int Text = -2;
}

/// <summary>What stands in for a spec that cannot be read: its methods with bodies that say so.</summary>
internal sealed record StubSpec(string Namespace, string Name, string Accessibility, bool IsModel, EquatableArray<string> Methods) : IEquatable<StubSpec>;

/// <summary>A finding at a place in a file.</summary>
internal sealed record DiagnosticSpec(string Id, PlaceSpec Place, EquatableArray<string> Arguments) : IEquatable<DiagnosticSpec>;

/// <summary>A place, without the syntax tree that holds it.</summary>
internal sealed record PlaceSpec(string File, int Start, int Length, int StartLine, int StartColumn, int EndLine, int EndColumn) : IEquatable<PlaceSpec>;

/// <summary>All that one model record gives: the spec where it can be read, stand-ins where not, and the findings.</summary>
internal sealed record ParsedSpec(ModelSpec? Model, EquatableArray<StubSpec> Stubs, EquatableArray<DiagnosticSpec> Diagnostics) : IEquatable<ParsedSpec>;
