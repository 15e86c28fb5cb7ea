// The family: its names, and its keys in the model section of a run's config.
using System.Collections.Generic;
using System.Linq;

namespace Evo.Generators.Spec.Emitting;

internal static class KeysEmitter
{
    public static void Family(SourceWriter writer, ModelSpec spec)
    {
        writer.Line("/// <inheritdoc/>");
        writer.Line($"public override {Names.Models}ModelFamily Family => ModelFamily;");
        writer.Line();
        writer.Line($"/// <summary>The family {spec.Family}: its names, keys and readers.</summary>");
        writer.Open($"public static {Names.Models}ModelFamily ModelFamily {{ get; }} = new()");
        writer.Line($"Name = {Names.Quote(spec.Family)},");
        writer.Line($"Architecture = {Names.Quote(spec.Architecture)},");
        writer.Line($"ModelType = {Names.Quote(spec.ModelType)},");
        writer.Line("Keys = DescribeKeys(),");
        writer.Line("FromKeys = ReadKeys,");
        writer.Line("FromHuggingFace = ReadHuggingFace,");
        writer.Close("};");
        writer.Line();
        writer.Line("/// <summary>Keys of the model section, with InternEvo's names where it has the thing.</summary>");
        writer.Open("private static global::Evo.Core.ModelFamilyKeys DescribeKeys()");
        writer.Line($"var usual = new {spec.Body.Name}();");
        writer.Line($"var keys = new {Names.Models}KeyTable({Names.Quote(spec.Family)}, {Names.Quote(spec.Architecture)}, {Names.Quote(spec.Doc)});");
        foreach (var p in spec.Properties.Where(p => p.RunKey.Length > 0))
        {
            var doc = Names.Quote(p.Doc);
            if (p.Ratio is { } ratio)
            {
                writer.Line($"keys.Ratio({Names.Quote(p.RunKey)}, {Names.Quote(ratio.Key)}, {Names.Quote(ratio.MultipleKey)}, {ratio.Multiple}, {doc}{(ratio.Usual.Length > 0 ? ", " + ratio.Usual : "")});");
                continue;
            }

            var fallback = Fallback(p);
            writer.Line(p.Type switch
            {
                PropertyType.Value => $"keys.Object({Names.Quote(p.RunKey)}, {doc});",
                PropertyType.Text or PropertyType.NullableText => $"keys.Text({Names.Quote(p.RunKey)}, {fallback}, {Required(p)}, {doc}{(p.OneOf.Count > 0 ? ", " + ConfigEmitter.List(p.OneOf) : "")});",
                PropertyType.Int or PropertyType.NullableInt => $"keys.Int({Names.Quote(p.RunKey)}, {fallback}, {Required(p)}, {Nullable(p)}, {doc}{(p.Least == 1 ? "" : ", " + p.Least)});",
                PropertyType.Double or PropertyType.NullableDouble => $"keys.Double({Names.Quote(p.RunKey)}, {fallback}, {Required(p)}, {Nullable(p)}, {doc});",
                _ => $"keys.Bool({Names.Quote(p.RunKey)}, {fallback}, {Required(p)}, {Nullable(p)}, {doc});",
            });
        }

        writer.Line("return keys.Done;");
        writer.Close();
        writer.Line();
    }

    public static void Read(SourceWriter writer, ModelSpec spec)
    {
        var keyed = spec.Properties.Where(p => p.RunKey.Length > 0).ToList();
        writer.Line("/// <summary>Reads the model section of a run's config.</summary>");
        writer.Open($"private static {Names.Models}CausalLM ReadKeys({Names.JsonObject} section)");
        writer.Line($"var read = new {Names.Models}ConfigReader(section, \"model ({spec.Family})\");");
        foreach (var p in keyed.Where(p => p.Required))
        {
            writer.Line($"read.Require({Names.Quote(p.RunKey)});");
        }

        writer.Line($"var usual = new {spec.Body.Name}();");
        foreach (var p in keyed.Where(p => p.Ratio is null))
        {
            var fallback = Fallback(p);
            writer.Line($"var {Names.Local(p.Name)} = {ConfigEmitter.ReadOne(p, p.RunKey, fallback)};");
        }

        foreach (var p in keyed.Where(p => p.Ratio is not null))
        {
            var ratio = p.Ratio!;
            writer.Line($"var {Names.Local(p.Name)} = read.Ratio({Names.Quote(p.RunKey)}, {Names.Quote(ratio.Key)}, {Names.Quote(ratio.MultipleKey)}, {ratio.Multiple}, {Names.Local(ratio.Of)}{(ratio.Usual.Length > 0 ? ", " + ratio.Usual : "")});");
        }

        writer.Line($"var spec = new {spec.Body.Name}");
        writer.Line("{");
        foreach (var p in keyed)
        {
            writer.Line($"    {p.Name} = {Names.Local(p.Name)},");
        }

        writer.Line("};");
        writer.Line("read.Rest();");
        writer.Line($"return read.Finish(spec, {Names.Models}KeyNames.Run);");
        writer.Close();
        writer.Line();
    }

    // A plain number would be read as one that cannot be null.
    private static string Fallback(PropertySpec p) => p.RunDefault.Length == 0 ? "usual." + p.Name : p.Type switch
    {
        PropertyType.NullableInt => $"(int?){p.RunDefault}",
        PropertyType.NullableDouble => $"(double?){p.RunDefault}",
        PropertyType.NullableBool => $"(bool?){p.RunDefault}",
        _ => p.RunDefault,
    };

    private static string Required(PropertySpec p) => p.Required ? "true" : "false";

    private static string Nullable(PropertySpec p) => p.Type is PropertyType.NullableInt or PropertyType.NullableDouble or PropertyType.NullableBool ? "true" : "false";
}
