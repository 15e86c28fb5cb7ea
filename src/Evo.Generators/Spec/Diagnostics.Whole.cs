// What each finding says that takes more than one part: placements, degrees, names in checkpoints, numbers.
using Microsoft.CodeAnalysis;

namespace Evo.Generators.Spec;

internal static partial class Diagnostics
{
    private static readonly DiagnosticDescriptor PartialReachesDescriptor = new(
        PartialReaches, "A partial sum reaches a non-linearity", "{1} reads {0}, a sum whose parts are spread over the ranks, and a function of a sum is not the sum of the function of its parts: let a [Column] give it, add it to the residual stream first, or say Whole(...)",
        "Evo.Placement", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO201.md");

    private static readonly DiagnosticDescriptor NormOverShardsDescriptor = new(
        NormOverShards, "A norm over a dim that is held in shares", "{0} needs each row of {1} whole, and its last dim is spread over the ranks: norm the size of a head, norm before the [Column], or say Whole(...)",
        "Evo.Placement", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO202.md");

    private static readonly DiagnosticDescriptor TiedPlacementsDescriptor = new(
        TiedPlacements, "Tied weights with different placements", "{0} spreads the vocabulary over the ranks, and {1}, to which it is tied, {2}: tie it to an embedding of the token ids with the head's rows and width",
        "Evo.Placement", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO203.md");

    private static readonly DiagnosticDescriptor WholeNeededDescriptor = new(
        WholeNeeded, "A linear map needs its input whole", "{0} reads {1}, whose features are spread over the ranks: make {0} a [Row], or say Whole(...)",
        "Evo.Placement", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO204.md");

    private static readonly DiagnosticDescriptor ViewOfSharesDescriptor = new(
        ViewOfShares, "A view takes apart a dim that is held in shares", "'{0}' takes apart dim {2} of {1}, which is spread over the ranks: cut another dim, use flatten and unflatten, or say Whole(...)",
        "Evo.Placement", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO205.md");

    private static readonly DiagnosticDescriptor NoPlacementDescriptor = new(
        NoPlacement, "No placement", "{0} reads {1}, which is held as {2}, and no rule lets each rank run it on what it holds: keep that dim whole, or say Whole(...)",
        "Evo.Placement", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO206.md");

    private static readonly DiagnosticDescriptor IllegalDegreeDescriptor = new(
        IllegalDegree, "The model does not split so many ways", "{0} does not split {1} ways in {2}, as the record starts: {3}; use {4}",
        "Evo.Degree", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO301.md");

    private static readonly DiagnosticDescriptor NoSuchDegreeDescriptor = new(
        NoSuchDegree, "No such mode or degree", "{0} is not {1}",
        "Evo.Degree", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO302.md");

    private static readonly DiagnosticDescriptor SameParameterNameDescriptor = new(
        SameParameterName, "Two parameters with one name", "'{0}' names both {1} and {2} in a checkpoint",
        "Evo.HuggingFace", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO401.md");

    private static readonly DiagnosticDescriptor MissingMappingDescriptor = new(
        MissingMapping, "Part has no name in checkpoints", "{0} holds parameters and needs [Hf(\"...\")]",
        "Evo.HuggingFace", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO402.md");

    private static readonly DiagnosticDescriptor SameConfigKeyDescriptor = new(
        SameConfigKey, "Two properties with one key", "'{0}' is the key of both {1} and {2}",
        "Evo.HuggingFace", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO403.md");

    private static readonly DiagnosticDescriptor LayerPlaceholderDescriptor = new(
        LayerPlaceholder, "Layers need {layer}", "'{0}' must hold {{layer}} once, where the layer's index stands",
        "Evo.HuggingFace", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO404.md");

    private static readonly DiagnosticDescriptor PropertyWithoutKeyDescriptor = new(
        PropertyWithoutKey, "Property has no key", "{0} can be set but stands in no config: give it [Hf(\"...\")] or [RunKey(\"...\")], or compute it",
        "Evo.HuggingFace", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO405.md");

    private static readonly DiagnosticDescriptor UnknownTieDescriptor = new(
        UnknownTie, "Head is tied to nothing", "'{0}' is not an [Embedding] part of {1}",
        "Evo.HuggingFace", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO406.md");

    private static readonly DiagnosticDescriptor ExpertPlaceholderDescriptor = new(
        ExpertPlaceholder, "Experts need {expert}", "'{0}' must hold {{expert}} once, where the expert's index stands",
        "Evo.HuggingFace", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO407.md");

    private static readonly DiagnosticDescriptor NoInverseDescriptor = new(
        NoInverse, "Names in a checkpoint lead back to no one parameter", "'{0}': {1}",
        "Evo.HuggingFace", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO408.md");

    private static readonly DiagnosticDescriptor EpsilonNotPositiveDescriptor = new(
        EpsilonNotPositive, "Epsilon is not positive", "{0} divides by the root of a mean square plus {1}: a row of zeros gives no number; use 1e-5 or 1e-6",
        "Evo.Numerics", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO501.md");

    private static readonly DiagnosticDescriptor EpsilonVanishesDescriptor = new(
        EpsilonVanishes, "Epsilon vanishes", "{0} adds {1} to a mean square, which float32 does not tell from nothing beside 1; use 1e-5 or 1e-6",
        "Evo.Numerics", DiagnosticSeverity.Warning, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO502.md");

    private static readonly DiagnosticDescriptor InitNotPositiveDescriptor = new(
        InitNotPositive, "Weights start all the same", "the weights of {0} start with a standard deviation of {1}: at 0 all are alike and learn alike, below 0 there is none; use a positive number such as 0.02",
        "Evo.Numerics", DiagnosticSeverity.Warning, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO503.md");

    private static readonly DiagnosticDescriptor DropoutShareDescriptor = new(
        DropoutShare, "Dropout is not a share", "{0} drops a share of {1}, and what is kept is divided by one minus that: use at least 0 and less than 1",
        "Evo.Numerics", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO504.md");

    private static readonly DiagnosticDescriptor RotaryBaseDescriptor = new(
        RotaryBase, "Rotary base is not above 1", "{0} turns pairs by powers of 1 / {1}: they slow down from pair to pair where the base is above 1; use 10000",
        "Evo.Numerics", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO505.md");
}
