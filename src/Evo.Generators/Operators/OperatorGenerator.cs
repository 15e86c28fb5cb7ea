// Wires the wrappers of operators: every additional file Operators/<name>.txt of schema lines becomes a class.
using System;
using System.IO;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace Evo.Generators.Operators;

/// <summary>Makes Evo.Torch's internal class Aten (operators.txt) and its like from operator schemas.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class OperatorGenerator : IIncrementalGenerator
{
    private static readonly DiagnosticDescriptor UnreadableSchema = new(
        "EVO901",
        "Operator schema cannot be read",
        "{0}({1}): the schema '{2}' {3}",
        "Evo.Operators",
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        helpLinkUri: "docs/diagnostics/EVO901.md");

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var files = context.AdditionalTextsProvider
            .Where(static text => IsOperatorFile(text.Path))
            .WithTrackingName(TrackingNames.OperatorFiles)
            .Select(static (text, cancel) => (
                Name: Path.GetFileName(text.Path),
                File: SchemaParser.ParseFile(Path.GetFileName(text.Path), text.GetText(cancel)?.ToString() ?? "")))
            .WithTrackingName(TrackingNames.OperatorSchemas);

        context.RegisterSourceOutput(
            files.Select(static (f, _) => (f.Name, f.File.Operators)).WithTrackingName(TrackingNames.OperatorModels),
            static (output, file) => output.AddSource(
                "Evo.Torch.Native." + ClassName(file.Name) + ".g.cs",
                OperatorEmitter.Emit(ClassName(file.Name), file.Name, file.Operators)));

        context.RegisterSourceOutput(
            files.SelectMany(static (f, _) => f.File.Problems),
            static (output, problem) => output.ReportDiagnostic(Diagnostic.Create(
                UnreadableSchema, Location.None, problem.File, problem.Line, problem.Text, problem.Reason)));
    }

    private static bool IsOperatorFile(string path)
    {
        var folder = Path.GetFileName(Path.GetDirectoryName(path) ?? "");
        return folder == "Operators" && path.EndsWith(".txt", StringComparison.Ordinal);
    }

    // operators.txt holds libtorch's own operators, evo.txt would be EvoOperators.
    private static string ClassName(string file)
    {
        var name = file.Substring(0, file.Length - ".txt".Length);
        return name == "operators" ? "Aten" : char.ToUpperInvariant(name[0]) + name.Substring(1) + "Operators";
    }
}

/// <summary>The names of the pipeline's steps, for tests of their caching.</summary>
internal static class TrackingNames
{
    public const string OperatorFiles = "OperatorFiles";
    public const string OperatorSchemas = "OperatorSchemas";
    public const string OperatorModels = "OperatorModels";
}
