// Numbers of a record with which its arithmetic cannot go well: told where they are written.
using System.Globalization;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace Evo.Generators.Spec.Parsing;

internal sealed class NumberCheck
{
    // float32's last place beside a mean square of one part in ten thousand is larger.
    private const double Vanishing = 1e-12;

    private readonly ParseContext context;
    private readonly DefaultsReader defaults;
    private readonly BlockSpec block;

    private NumberCheck(ParseContext context, DefaultsReader defaults, BlockSpec block) =>
        (this.context, this.defaults, this.block) = (context, defaults, block);

    public static void Run(ParseContext context, INamedTypeSymbol record, INamedTypeSymbol model, BlockSpec block)
    {
        var check = new NumberCheck(context, new DefaultsReader(record, model, block.ModelParameter), block);
        foreach (var part in block.Parts)
        {
            check.Part(part);
        }
    }

    /// <summary>The standard deviation of all weights that say none.</summary>
    public static void Init(ParseContext context, INamedTypeSymbol model, (string Text, Location? Where) word, string code)
    {
        var defaults = new DefaultsReader(model, model, "");
        if (defaults.Number(code) is <= 0 and var std)
        {
            context.Report(Diagnostics.InitNotPositive, defaults.Start(code) ?? word.Where, model.Name, Text(std));
        }
    }

    private void Part(PartSpec part)
    {
        switch (part.Kind)
        {
            case PartKind.RmsNorm or PartKind.LayerNorm:
                Number(part, part.Sizes[1], r => r.Texts[1].Where, v => v <= 0, Diagnostics.EpsilonNotPositive);
                Number(part, part.Sizes[1], r => r.Texts[1].Where, v => v is > 0 and < Vanishing, Diagnostics.EpsilonVanishes);
                break;
            case PartKind.Rope:
                Number(part, part.Sizes[1], r => r.Texts[1].Where, v => v <= 1, Diagnostics.RotaryBase);
                break;
            case PartKind.Dropout:
                Number(part, part.Sizes[0], r => r.Texts[0].Where, v => v is not (>= 0 and < 1), Diagnostics.DropoutShare);
                break;
            case PartKind.Attention:
                Number(part, part.Extra2, r => r.Named("Dropout", "").Where, v => v is not (>= 0 and < 1), Diagnostics.DropoutShare);
                Heads(part);
                break;
            default:
                Number(part, part.Init, r => r.Named("Init", "").Where, v => v <= 0, Diagnostics.InitNotPositive);
                Number(part, part.Experts?.DownInit ?? "", r => r.Named("DownInit", "").Where, v => v <= 0, Diagnostics.InitNotPositive);
                break;
        }
    }

    private void Heads(PartSpec part)
    {
        if (defaults.Number(part.Sizes[0]) is not { } heads || defaults.Number(part.Sizes[1]) is not { } shared || (shared >= 1 && heads % shared == 0))
        {
            return;
        }

        var legal = Enumerable.Range(1, (int)heads).Where(k => heads % k == 0);
        context.Report(
            Diagnostics.SharedHeads, defaults.Start(part.Sizes[1]) ?? context.Word(block, part.Method, r => r.Texts[1].Where),
            part.Method, Text(heads), Text(shared), Compiling.LegalDegrees.Spoken(legal));
    }

    private void Number(PartSpec part, string code, System.Func<AttributeReader, Location?> word, System.Func<double, bool> wrong, string id)
    {
        if (code.Length > 0 && defaults.Number(code) is { } value && wrong(value))
        {
            context.Report(id, defaults.Start(code) ?? context.Word(block, part.Method, word), part.Method, Text(value));
        }
    }

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
