// What an author says with [Degree]: the record's own numbers must allow it.
using System.Collections.Generic;
using System.Linq;
using Evo.Generators.Spec.Algebra;
using Evo.Generators.Spec.Compiling;
using Microsoft.CodeAnalysis;

namespace Evo.Generators.Spec.Parsing;

internal static class DegreeCheck
{
    private static readonly Dictionary<string, Mode> Modes =
        new[] { Mode.Mtp, Mode.Msp, Mode.Fsp, Mode.Isp }.ToDictionary(m => m.ToString().ToLowerInvariant());

    public static void Run(ParseContext context, INamedTypeSymbol record, IReadOnlyList<INamedTypeSymbol> layerTypes, BlockSpec body, IReadOnlyList<BlockSpec> layers)
    {
        var limits = new Dictionary<Mode, IReadOnlyList<DegreeLimit>>();
        foreach (var attribute in Symbols.Attributes(record, AttributeNames.Degree))
        {
            var reader = new AttributeReader(attribute);
            var (name, degree) = (reader.Texts[0].Text, reader.Value(1) as int? ?? 0);
            if (!Modes.TryGetValue(name, out var mode))
            {
                context.Report(Diagnostics.NoSuchDegree, reader.Texts[0].Where, $"'{name}'", "a mode that splits a model; use " + string.Join(", ", Modes.Keys));
                continue;
            }

            if (degree < 1)
            {
                context.Report(Diagnostics.NoSuchDegree, reader.Texts[1].Where, degree.ToString(), "a degree: a model is split at least 1 way");
                continue;
            }

            if (!limits.TryGetValue(mode, out var found))
            {
                limits[mode] = found = Limits(mode, record, layerTypes, body, layers);
            }

            var against = found.Where(l => !l.Allows(degree)).Select(l => $"{l.Because} ({l.Size} = {l.Value})").Distinct().ToList();
            if (against.Count > 0)
            {
                context.Report(
                    Diagnostics.IllegalDegree, reader.Texts[1].Where, record.Name, degree.ToString(), name, string.Join(", ", against),
                    LegalDegrees.Spoken(LegalDegrees.Of(found, degree)));
            }
        }
    }

    /// <summary>Every size that the mode splits, as the record starts: the model's, then those of each of its layers.</summary>
    private static IReadOnlyList<DegreeLimit> Limits(Mode mode, INamedTypeSymbol record, IReadOnlyList<INamedTypeSymbol> layerTypes, BlockSpec body, IReadOnlyList<BlockSpec> layers)
    {
        var defaults = new DefaultsReader(record, record, "");
        var found = new List<DegreeLimit>(Known(ModeCompiler.Compile(body, mode, AlgebraTable.Standard, 1), defaults));
        foreach (var part in body.Parts.Where(p => p.Kind == PartKind.Layers))
        {
            var layer = layers.First(l => l.FullName == part.Extra);
            var type = layerTypes.First(t => t.Name == layer.Name && Symbols.Namespace(t) == layer.Namespace);
            var program = ModeCompiler.Compile(layer, mode, AlgebraTable.Standard, 1);
            var count = layer.IndexParameter.Length == 0 ? 1 : (int)(defaults.Number(part.Sizes[0]) ?? 1);
            for (var index = 0; index < count; index++)
            {
                found.AddRange(Known(program, new DefaultsReader(type, record, layer.ModelParameter, index)));
            }
        }

        return found.Distinct().ToList();
    }

    // What stands under a condition that only a configuration decides is left to it.
    private static IEnumerable<DegreeLimit> Known(ModeProgram program, DefaultsReader defaults) =>
        program.Degrees.Where(d => defaults.Holds(d.Condition) == true && defaults.Number(d.Size) is >= 1)
            .Select(d => new DegreeLimit(d.Size, (long)defaults.Number(d.Size)!.Value, d.Rule == DegreeRule.DividesOrMultiple, d.Because));
}
