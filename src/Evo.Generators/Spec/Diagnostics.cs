// The findings of the spec compiler. An id is never used again for another thing; each has a page under docs/diagnostics.
using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Evo.Generators.Spec;

internal static partial class Diagnostics
{
    public const string UnknownSize = "EVO101";
    public const string UnreadableSize = "EVO102";
    public const string SizeOfWrongType = "EVO103";
    public const string PartWidth = "EVO104";
    public const string ResidualWidth = "EVO105";
    public const string HeadSize = "EVO106";
    public const string SharedHeads = "EVO107";
    public const string GatedWidth = "EVO108";
    public const string PartDims = "EVO109";
    public const string UnreadableForward = "EVO110";
    public const string NotASpec = "EVO111";
    public const string NoForward = "EVO112";
    public const string PartSignature = "EVO113";
    public const string MissingRole = "EVO114";
    public const string UnusedPart = "EVO115";
    public const string LayerShape = "EVO116";
    public const string PropertyOfWrongType = "EVO117";
    public const string ViewDims = "EVO118";
    public const string PartialReaches = "EVO201";
    public const string NormOverShards = "EVO202";
    public const string TiedPlacements = "EVO203";
    public const string WholeNeeded = "EVO204";
    public const string ViewOfShares = "EVO205";
    public const string NoPlacement = "EVO206";
    public const string IllegalDegree = "EVO301";
    public const string NoSuchDegree = "EVO302";
    public const string SameParameterName = "EVO401";
    public const string MissingMapping = "EVO402";
    public const string SameConfigKey = "EVO403";
    public const string LayerPlaceholder = "EVO404";
    public const string PropertyWithoutKey = "EVO405";
    public const string UnknownTie = "EVO406";
    public const string ExpertPlaceholder = "EVO407";
    public const string NoInverse = "EVO408";
    public const string EpsilonNotPositive = "EVO501";
    public const string EpsilonVanishes = "EVO502";
    public const string InitNotPositive = "EVO503";
    public const string DropoutShare = "EVO504";
    public const string RotaryBase = "EVO505";

    /// <summary>Whether a spec with this finding is refused.</summary>
    public static bool Refuses(string id) => Known.ById[id].DefaultSeverity == DiagnosticSeverity.Error;

    public static Diagnostic Create(DiagnosticSpec finding)
    {
        var place = finding.Place;
        return Diagnostic.Create(
            Known.ById[finding.Id],
            Location.Create(
                place.File,
                new TextSpan(place.Start, place.Length),
                new LinePositionSpan(new LinePosition(place.StartLine, place.StartColumn), new LinePosition(place.EndLine, place.EndColumn))),
            finding.Arguments.Cast<object>().ToArray());
    }

    // A class of its own, because the fields of the other files are set before it is.
    private static class Known
    {
        public static readonly IReadOnlyDictionary<string, DiagnosticDescriptor> ById = new[]
        {
            UnknownSizeDescriptor,
            UnreadableSizeDescriptor,
            SizeOfWrongTypeDescriptor,
            PartWidthDescriptor,
            ResidualWidthDescriptor,
            HeadSizeDescriptor,
            SharedHeadsDescriptor,
            GatedWidthDescriptor,
            PartDimsDescriptor,
            UnreadableForwardDescriptor,
            NotASpecDescriptor,
            NoForwardDescriptor,
            PartSignatureDescriptor,
            MissingRoleDescriptor,
            UnusedPartDescriptor,
            LayerShapeDescriptor,
            PropertyOfWrongTypeDescriptor,
            ViewDimsDescriptor,
            PartialReachesDescriptor,
            NormOverShardsDescriptor,
            TiedPlacementsDescriptor,
            WholeNeededDescriptor,
            ViewOfSharesDescriptor,
            NoPlacementDescriptor,
            IllegalDegreeDescriptor,
            NoSuchDegreeDescriptor,
            SameParameterNameDescriptor,
            MissingMappingDescriptor,
            SameConfigKeyDescriptor,
            LayerPlaceholderDescriptor,
            PropertyWithoutKeyDescriptor,
            UnknownTieDescriptor,
            ExpertPlaceholderDescriptor,
            NoInverseDescriptor,
            EpsilonNotPositiveDescriptor,
            EpsilonVanishesDescriptor,
            InitNotPositiveDescriptor,
            DropoutShareDescriptor,
            RotaryBaseDescriptor,
        }.ToDictionary(d => d.Id);
    }
}
