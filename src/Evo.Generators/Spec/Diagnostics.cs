// The findings of the spec compiler. An id is never used again for another thing; each has a page under docs/diagnostics.
using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Evo.Generators.Spec;

internal static class Diagnostics
{
    public const string UnknownSize = "EVO101";
    public const string UnreadableSize = "EVO102";
    public const string SizeOfWrongType = "EVO103";
    public const string UnreadableForward = "EVO110";
    public const string NotASpec = "EVO111";
    public const string NoForward = "EVO112";
    public const string PartSignature = "EVO113";
    public const string MissingRole = "EVO114";
    public const string UnusedPart = "EVO115";
    public const string LayerShape = "EVO116";
    public const string PropertyOfWrongType = "EVO117";
    public const string ResidualWidth = "EVO105";
    public const string PartWidth = "EVO104";
    public const string HeadSize = "EVO106";
    public const string GatedWidth = "EVO108";
    public const string PartDims = "EVO109";
    public const string PartialReaches = "EVO201";
    public const string NormOverShards = "EVO202";
    public const string TiedPlacements = "EVO203";
    public const string WholeNeeded = "EVO204";
    public const string ViewOfShares = "EVO205";
    public const string NoPlacement = "EVO206";
    public const string SameParameterName = "EVO401";
    public const string MissingMapping = "EVO402";
    public const string SameConfigKey = "EVO403";
    public const string LayerPlaceholder = "EVO404";
    public const string PropertyWithoutKey = "EVO405";
    public const string UnknownTie = "EVO406";
    public const string ExpertPlaceholder = "EVO407";

    private static readonly DiagnosticDescriptor UnknownSizeDescriptor = new(
        UnknownSize, "Unknown size", "'{0}' is not a property of {1}{2}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO101.md");

    private static readonly DiagnosticDescriptor UnreadableSizeDescriptor = new(
        UnreadableSize, "Size cannot be read", "'{0}' cannot be read as a size: {1}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO102.md");

    private static readonly DiagnosticDescriptor SizeOfWrongTypeDescriptor = new(
        SizeOfWrongType, "Size has the wrong type", "'{0}' is {1}: {2} is needed here",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO103.md");

    private static readonly DiagnosticDescriptor UnreadableForwardDescriptor = new(
        UnreadableForward, "Forward cannot be read", "'{0}' cannot be read by the spec compiler: {1}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO110.md");

    private static readonly DiagnosticDescriptor NotASpecDescriptor = new(
        NotASpec, "Not a spec", "{0} cannot be a model: {1}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO111.md");

    private static readonly DiagnosticDescriptor NoForwardDescriptor = new(
        NoForward, "No forward", "{0} has {1} public methods Tensor (Tensor, Positions): the forward must be the only one",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO112.md");

    private static readonly DiagnosticDescriptor PartSignatureDescriptor = new(
        PartSignature, "Part has the wrong signature", "{0} must be declared 'private partial {1}'",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO113.md");

    private static readonly DiagnosticDescriptor MissingRoleDescriptor = new(
        MissingRole, "Model lacks a part", "{0} has {1} parts marked [{2}]: a causal language model has {3}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO114.md");

    private static readonly DiagnosticDescriptor UnusedPartDescriptor = new(
        UnusedPart, "Part is never used", "{0} is never called by {1}: its parameters would never learn",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO115.md");

    private static readonly DiagnosticDescriptor LayerShapeDescriptor = new(
        LayerShape, "Not a layer", "{0} cannot be a layer of {1}: {2}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO116.md");

    private static readonly DiagnosticDescriptor PropertyOfWrongTypeDescriptor = new(
        PropertyOfWrongType, "Property has an unsupported type", "{0} is {1}: a property of config.json is int, double, bool, string, one of these with '?', or an IHuggingFaceValue",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO117.md");

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

    private static readonly DiagnosticDescriptor PartWidthDescriptor = new(
        PartWidth, "Part meets another width", "{0} is given a width of {1}, and is declared for {2}{3}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO104.md");

    private static readonly DiagnosticDescriptor ResidualWidthDescriptor = new(
        ResidualWidth, "Widths meet and differ", "'{0}' joins {1} and {2}, which are not the same size{3}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO105.md");

    private static readonly DiagnosticDescriptor HeadSizeDescriptor = new(
        HeadSize, "Heads do not fit", "{0} is given heads of {1}, and is declared for {2}{3}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO106.md");

    private static readonly DiagnosticDescriptor GatedWidthDescriptor = new(
        GatedWidth, "Gate and value differ", "{0} joins a gate of {1} and values of {2}, which are not the same size{3}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO108.md");

    private static readonly DiagnosticDescriptor PartDimsDescriptor = new(
        PartDims, "Part needs another number of dims", "{0} needs a tensor of {1} dims, and is given {2}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO109.md");

    private static readonly DiagnosticDescriptor PartialReachesDescriptor = new(
        PartialReaches, "A partial sum reaches a non-linearity", "{0} is a sum that is spread over the ranks when it reaches {1}, and a function of a sum is not the sum of a function: make {0} a [Column], add it to the residual stream first, or say Whole(...)",
        "Evo.Placement", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO201.md");

    private static readonly DiagnosticDescriptor NormOverShardsDescriptor = new(
        NormOverShards, "A norm over a dim that is held in shares", "{0} needs each row of {1} whole, and its last dim is spread over the ranks: norm the size of a head, norm before the [Column], or say Whole(...)",
        "Evo.Placement", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO202.md");

    private static readonly DiagnosticDescriptor TiedPlacementsDescriptor = new(
        TiedPlacements, "Tied weights with different placements", "{0} spreads the vocabulary over the ranks, and {1}, to which it is tied, {2}: tie it to the embedding of the token ids",
        "Evo.Placement", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO203.md");

    private static readonly DiagnosticDescriptor WholeNeededDescriptor = new(
        WholeNeeded, "A linear map needs its input whole", "{0} reads {1}, whose features are spread over the ranks: make {0} a [Row], or say Whole(...)",
        "Evo.Placement", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO204.md");

    private static readonly DiagnosticDescriptor ViewOfSharesDescriptor = new(
        ViewOfShares, "A view takes apart a dim that is held in shares", "'{0}' takes apart dim {2} of {1}, which is spread over the ranks: cut another dim, use flatten and unflatten, or say Whole(...)",
        "Evo.Placement", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO205.md");

    private static readonly DiagnosticDescriptor NoPlacementDescriptor = new(
        NoPlacement, "No collective leads there", "{0} is held as {1} and needed as {2}, and no collective leads there",
        "Evo.Placement", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO206.md");

    private static readonly DiagnosticDescriptor ExpertPlaceholderDescriptor = new(
        ExpertPlaceholder, "Experts need {expert}", "'{0}' must hold {{expert}} once, where the expert's index stands",
        "Evo.HuggingFace", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO407.md");

    private static readonly IReadOnlyDictionary<string, DiagnosticDescriptor> Descriptors = new[]
    {
        UnknownSizeDescriptor,
        UnreadableSizeDescriptor,
        SizeOfWrongTypeDescriptor,
        UnreadableForwardDescriptor,
        NotASpecDescriptor,
        NoForwardDescriptor,
        PartSignatureDescriptor,
        MissingRoleDescriptor,
        UnusedPartDescriptor,
        LayerShapeDescriptor,
        PropertyOfWrongTypeDescriptor,
        PartWidthDescriptor,
        ResidualWidthDescriptor,
        HeadSizeDescriptor,
        GatedWidthDescriptor,
        PartDimsDescriptor,
        PartialReachesDescriptor,
        NormOverShardsDescriptor,
        TiedPlacementsDescriptor,
        WholeNeededDescriptor,
        ViewOfSharesDescriptor,
        NoPlacementDescriptor,
        SameParameterNameDescriptor,
        MissingMappingDescriptor,
        SameConfigKeyDescriptor,
        LayerPlaceholderDescriptor,
        PropertyWithoutKeyDescriptor,
        UnknownTieDescriptor,
        ExpertPlaceholderDescriptor,
    }.ToDictionary(d => d.Id);

    public static Diagnostic Create(DiagnosticSpec finding)
    {
        var place = finding.Place;
        return Diagnostic.Create(
            Descriptors[finding.Id],
            Location.Create(
                place.File,
                new TextSpan(place.Start, place.Length),
                new LinePositionSpan(new LinePosition(place.StartLine, place.StartColumn), new LinePosition(place.EndLine, place.EndColumn))),
            finding.Arguments.Cast<object>().ToArray());
    }
}
