// What a mode's forward is, before it is text: statements, the places where ranks talk, and what the layout must satisfy.
using System.Collections.Generic;
using Evo.Generators.Spec.Algebra;

namespace Evo.Generators.Spec.Compiling;

/// <summary>How a forward runs on several devices; the emitted code has an enumeration of the same names.</summary>
internal enum Mode
{
    Serial,
    Mtp,
    Msp,
    Fsp,
    Isp,
}

internal abstract record Statement;

/// <summary>A local that gets its value; <paramref name="Comment"/> stands above it.</summary>
internal sealed record Let(string Name, string Value, string Comment = "") : Statement;

/// <summary>Two locals that one operator makes; each says what it is, as if it were made alone.</summary>
/// <param name="Value">The operator, which gives both.</param>
internal sealed record Both(Let First, Let Second, string Value) : Statement;

/// <summary>A choice by the configuration; both sides assign <paramref name="Names"/>.</summary>
internal sealed record Either(string Condition, IReadOnlyList<string> Names, IReadOnlyList<Statement> Then, IReadOnlyList<Statement> Else) : Statement;

internal sealed record Give(string Value) : Statement;

internal sealed record Assign(string Name, string Value) : Statement;

/// <summary>A place in emitted code where ranks talk. Its backward is the dual.</summary>
/// <param name="Number">Its number, once in the model and mode.</param>
/// <param name="Collective">Name in the algebra.</param>
/// <param name="Axis">The mesh axis, by its property of the ranks.</param>
/// <param name="Of">What is sent: a part's output or weight.</param>
/// <param name="Elements">Numbers of the whole value, as C#, B and T being batch and length.</param>
/// <param name="Condition">C# of the configuration under which it is reached, or empty.</param>
/// <param name="IsWeight">Whether it is a weight, sent once a pass however many tokens there are.</param>
internal sealed record Site(int Number, string Collective, string Axis, string From, string To, string Of, string Elements, bool IsWeight, string Condition);

internal enum DegreeRule
{
    /// <summary>The degree divides the size.</summary>
    Divides,
    /// <summary>The degree divides the size or is a multiple of it.</summary>
    DividesOrMultiple,
}

/// <summary>A size that a degree must suit.</summary>
internal sealed record Degree(string Size, DegreeRule Rule, string Because, string Condition);

/// <summary>A value of the forward: where it is made, where it is last read, and the numbers that this rank holds of it.</summary>
internal sealed record Life(string Name, string Elements, int First, int Last);

/// <summary>A model's forward in two, for ranks that each run some of its layers.</summary>
/// <param name="Enter">From the token ids to what the first layer reads.</param>
/// <param name="Between">The local that holds what the last layer leaves.</param>
/// <param name="Exit">From there to the end.</param>
internal sealed record StagedBody(IReadOnlyList<Statement> Enter, string Between, IReadOnlyList<Statement> Exit);

/// <param name="Staged">The body cut at its layers; null in a layer, and where it cannot be cut.</param>
internal sealed record ModeProgram(
    Mode Mode,
    IReadOnlyList<Statement> Body,
    StagedBody? Staged,
    IReadOnlyList<Site> Sites,
    IReadOnlyList<Degree> Degrees,
    IReadOnlyList<string> WeightOrder,
    IReadOnlyList<Life> Lives,
    IReadOnlyList<Finding> Findings);
