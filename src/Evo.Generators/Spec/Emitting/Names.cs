// How things are called in emitted code.
using System.Text;

namespace Evo.Generators.Spec.Emitting;

internal static class Names
{
    public const string Tensor = "global::TorchSharp.torch.Tensor";
    public const string Positions = "global::Evo.Models.Positions";
    public const string Ops = "global::Evo.Torch.Ops";
    public const string Collective = "global::Evo.Torch.Collective";
    public const string Vocabulary = "global::Evo.Torch.VocabularyParallel";
    public const string Experts = "global::Evo.Torch.ExpertParallel";
    public const string Shard = "global::Evo.Models.Shard";
    public const string Functions = "global::Evo.Models.Functions";
    public const string Models = "global::Evo.Models.";
    public const string JsonObject = "global::System.Text.Json.Nodes.JsonObject";
    public const string GeneratedCode = "[global::System.CodeDom.Compiler.GeneratedCode(\"Evo.Generators\", \"\")]";

    /// <summary>Field of a record that leads to its weights.</summary>
    public const string Bound = "_bound";

    /// <summary>The module that a record's copy is bound to.</summary>
    public const string Module = Bound + ".Module";

    /// <summary>QueryKeyValue → query_key_value, MLPNorm → mlp_norm: logical names of parts.</summary>
    public static string Snake(string name)
    {
        var text = new StringBuilder();
        for (var i = 0; i < name.Length; i++)
        {
            var upper = char.IsUpper(name[i]);
            var starts = upper && i > 0 && (!char.IsUpper(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1])));
            if (starts && name[i - 1] != '_')
            {
                text.Append('_');
            }

            text.Append(char.ToLowerInvariant(name[i]));
        }

        return text.ToString();
    }

    /// <summary>HiddenSize → @hiddenSize: a local that cannot be a keyword.</summary>
    public static string Local(string name) => "@" + char.ToLowerInvariant(name[0]) + name.Substring(1);

    public static string Quote(string text) => "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\r", "").Replace("\n", "\\n") + "\"";

    public static string Weights(PartSpec part) => part.Method + "Weights";

    public static string Table(PartSpec part) => part.Method + "Table";

    public static string Modules(PartSpec part) => part.Method + "Modules";

    /// <summary>Product of sizes as one C# expression.</summary>
    public static string Product(System.Collections.Generic.IEnumerable<string> sizes) =>
        string.Join(" * ", System.Linq.Enumerable.Select(sizes, Atom));

    /// <summary>An expression in parentheses where it needs them.</summary>
    public static string Atom(string expression) => expression.IndexOf(' ') >= 0 ? "(" + expression + ")" : expression;

    /// <summary>Documentation as a comment of one line.</summary>
    public static void Summary(SourceWriter writer, string text)
    {
        if (text.Length > 0)
        {
            writer.Line($"/// <summary>{text.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;")}</summary>");
        }
    }
}
