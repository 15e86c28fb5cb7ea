namespace Evo.Models;

/// <summary>What a number of a record is a size of.</summary>
public enum SizeRole
{
    /// <summary>Number of layers.</summary>
    Layers,
    /// <summary>Entries of the vocabulary.</summary>
    Vocabulary,
    /// <summary>Longest sequence.</summary>
    Positions,
    /// <summary>Width of the residual stream.</summary>
    Width,
    /// <summary>Query heads.</summary>
    Heads,
    /// <summary>Key and value heads.</summary>
    KvHeads,
    /// <summary>Width of a head.</summary>
    HeadSize,
    /// <summary>Tokens that attention looks back.</summary>
    Window,
    /// <summary>Number of experts.</summary>
    Experts,
    /// <summary>Experts of a token.</summary>
    Choices,
    /// <summary>Width inside of a layer.</summary>
    Inner,
    /// <summary>No size of a tensor.</summary>
    Other,
}

/// <summary>A whole number that a configuration may set.</summary>
/// <param name="Name">The record's property.</param>
/// <param name="Role">What it is a size of, read off the parts that use it.</param>
/// <param name="Value">Its value, or null where it is unset.</param>
public sealed record SizeProperty(string Name, SizeRole Role, int? Value);
