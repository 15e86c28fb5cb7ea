namespace Evo.Models;

/// <summary>A place in a forward where ranks talk; its backward is the dual of what it is.</summary>
/// <param name="Number">Its number in the emitted code.</param>
/// <param name="Collective">The algebra's name; <c>cross_entropy</c> for the sums of a head whose vocabulary is spread.</param>
/// <param name="Axis">Mesh axis.</param>
/// <param name="From">Placement before.</param>
/// <param name="To">Placement after.</param>
/// <param name="Of">The value or weight.</param>
/// <param name="IsWeight">Whether it is a weight: then its size does not depend on the tokens.</param>
/// <param name="Layer">Index of the layer, or null outside the layers.</param>
/// <param name="Size">Numbers of the whole value.</param>
public sealed record CollectiveSite(
    int Number, string Collective, string Axis, string From, string To, string Of, bool IsWeight, int? Layer, Polynomial Size)
{
    /// <summary>Where not null: nothing is sent unless there are fewer heads than ranks, and this is the number of heads.</summary>
    public long? OnlyBelow { get; init; }

    /// <summary>Whether the backward sends what the forward did once more: what was gathered was not kept.</summary>
    public bool Again { get; init; }

    /// <summary>Whether a training step comes by; false for the logits of a text that is generated.</summary>
    public bool InTraining { get; init; } = true;

    /// <summary>What the numbers are.</summary>
    public NumberType Type { get; init; } = NumberType.Compute;

    /// <summary>The emitted local that it makes, or empty.</summary>
    public string Makes { get; init; } = "";

    /// <summary>Numbers of the whole value.</summary>
    public double Elements(long batch, long length, long tensor = 1, long weight = 1) => Size.At(new(batch, length, tensor, weight));

    /// <summary>Whether ranks talk here at a degree.</summary>
    public bool Runs(long tensor) => OnlyBelow is not { } heads || heads % tensor != 0;
}

/// <summary>What the numbers of a tensor are.</summary>
public enum NumberType
{
    /// <summary>The type of parameters and activations.</summary>
    Compute,
    /// <summary>float32, or float64 where activations are: statistics and losses.</summary>
    Wide,
    /// <summary>A copy in the type of activations of what is float32: none where activations are as wide.</summary>
    Narrowed,
    /// <summary>int64.</summary>
    Integer,
    /// <summary>One byte.</summary>
    Flag,
}

/// <summary>A value of a forward: what makes it of which other values, how it lies, and from where to where it lives.</summary>
/// <param name="Name">The emitted local.</param>
/// <param name="Layer">Index of the layer, or null.</param>
/// <param name="First">Statement that makes it.</param>
/// <param name="Last">Last statement that reads it.</param>
/// <param name="Size">Numbers that one rank holds.</param>
public sealed record ValueLife(string Name, int? Layer, int First, int Last, Polynomial Size)
{
    /// <summary>How it lies on the tensor axis (a gathered weight: on the weight axis), as the algebra writes it; empty on one device.</summary>
    public string Placement { get; init; } = "";

    /// <summary>Shape of the whole value, sizes as the record calls them.</summary>
    public string Shape { get; init; } = "";

    /// <summary>The operation that makes it; <c>Input</c> for what the forward is given.</summary>
    public string Operation { get; init; } = "";

    /// <summary>What else the operation is told: the name of an activation, the part that is a table of rotary rows.</summary>
    public string Detail { get; init; } = "";

    /// <summary>The values that it is made of.</summary>
    public IReadOnlyList<string> From { get; init; } = [];

    /// <summary>Length of its last dim, where it is a number of the model; else 1.</summary>
    public long Width { get; init; } = 1;

    /// <summary>For experts: their inside on this rank, how many there are and how many a token takes.</summary>
    public (Polynomial Inner, long Experts, long Choices)? Mixture { get; init; }

    /// <summary>Numbers held.</summary>
    public double Elements(long batch, long length, long tensor = 1, long weight = 1) => Size.At(new(batch, length, tensor, weight));
}

/// <summary>The head of a model: its table, and whether its rows are taken over their lengths.</summary>
/// <param name="Rows">Entries of the vocabulary.</param>
/// <param name="Width">Hidden size.</param>
/// <param name="UnitRows">Whether rows are normalised.</param>
public sealed record HeadSize(long Rows, long Width, bool UnitRows);
