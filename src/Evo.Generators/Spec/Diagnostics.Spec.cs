// What each finding about sizes, parts and forwards says.
using Microsoft.CodeAnalysis;

namespace Evo.Generators.Spec;

internal static partial class Diagnostics
{
    private static readonly DiagnosticDescriptor UnknownSizeDescriptor = new(
        UnknownSize, "Unknown size", "'{0}' is not a property of {1}{2}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO101.md");

    private static readonly DiagnosticDescriptor UnreadableSizeDescriptor = new(
        UnreadableSize, "Size cannot be read", "'{0}' cannot be read as a size: {1}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO102.md");

    private static readonly DiagnosticDescriptor SizeOfWrongTypeDescriptor = new(
        SizeOfWrongType, "Size has the wrong type", "'{0}' is {1}: {2} is needed here",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO103.md");

    private static readonly DiagnosticDescriptor PartWidthDescriptor = new(
        PartWidth, "Part meets another width", "{0} is given a width of {1}, and is declared for {2}{3}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO104.md");

    private static readonly DiagnosticDescriptor ResidualWidthDescriptor = new(
        ResidualWidth, "Widths meet and differ", "'{0}' joins {1} and {2}, which are not the same size{3}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO105.md");

    private static readonly DiagnosticDescriptor HeadSizeDescriptor = new(
        HeadSize, "Heads do not fit", "{0} is given heads of {1}, and is declared for {2}{3}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO106.md");

    private static readonly DiagnosticDescriptor SharedHeadsDescriptor = new(
        SharedHeads, "Query heads do not share key-value heads evenly", "{0} has {1} query heads and {2} key-value heads as the record starts: each key-value head serves as many query heads as the others; use {3}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO107.md");

    private static readonly DiagnosticDescriptor GatedWidthDescriptor = new(
        GatedWidth, "Gate and value differ", "{0} joins a gate of {1} and values of {2}, which are not the same size{3}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO108.md");

    private static readonly DiagnosticDescriptor PartDimsDescriptor = new(
        PartDims, "Part needs another number of dims", "{0} needs a tensor of {1} dims, and is given {2}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO109.md");

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
        PartSignature, "Part has the wrong signature", "{0} must be declared {1}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO113.md");

    private static readonly DiagnosticDescriptor MissingRoleDescriptor = new(
        MissingRole, "Model lacks a part", "{0} has {1} parts marked [{2}]: a causal language model has {3}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO114.md");

    private static readonly DiagnosticDescriptor UnusedPartDescriptor = new(
        UnusedPart, "Part is never used", "{0} is never used by {1}: its parameters would never learn",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO115.md");

    private static readonly DiagnosticDescriptor LayerShapeDescriptor = new(
        LayerShape, "Not a layer", "{0} cannot be a layer of {1}: {2}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO116.md");

    private static readonly DiagnosticDescriptor PropertyOfWrongTypeDescriptor = new(
        PropertyOfWrongType, "Property has an unsupported type", "{0} is {1}: a property of config.json is int, double, bool, string, one of these with '?', or an IHuggingFaceValue",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO117.md");

    private static readonly DiagnosticDescriptor ViewDimsDescriptor = new(
        ViewDims, "View cannot be followed", "'{0}' cannot be followed here: {1}",
        "Evo.Spec", DiagnosticSeverity.Error, isEnabledByDefault: true, helpLinkUri: "docs/diagnostics/EVO118.md");
}
