// Wires the spec compiler: every record marked [Model] becomes a module, a table, a mapping and a set of keys.
using Evo.Generators.Spec.Algebra;
using Evo.Generators.Spec.Emitting;
using Evo.Generators.Spec.Parsing;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Evo.Generators.Spec;

/// <summary>Compiles spec records of Evo.Models.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class SpecGenerator : IIncrementalGenerator
{
    private readonly AlgebraTable algebra;

    /// <summary>With the table of this assembly.</summary>
    public SpecGenerator()
        : this(AlgebraTable.Standard)
    {
    }

    /// <summary>With another table: what a wrong one would lead to.</summary>
    internal SpecGenerator(AlgebraTable algebra) => this.algebra = algebra;

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var parsed = context.SyntaxProvider
            .ForAttributeWithMetadataName(
                AttributeNames.Model,
                static (node, _) => node is TypeDeclarationSyntax,
                static (found, cancel) => ModelParser.Parse(found, cancel))
            .WithTrackingName(TrackingNames.Parsed);

        // Findings travel apart from models: text that moves re-reports them without emitting anything again.
        context.RegisterSourceOutput(
            parsed.Where(static p => p.Model is not null).Select(static (p, _) => p.Model!).WithTrackingName(TrackingNames.Models),
            (output, model) =>
            {
                foreach (var (name, text) in ModelEmitter.Emit(model, algebra))
                {
                    output.AddSource(name, text);
                }
            });

        context.RegisterSourceOutput(
            parsed.SelectMany(static (p, _) => p.Stubs).WithTrackingName(TrackingNames.Stubs),
            static (output, stub) => output.AddSource(StubEmitter.HintName(stub), StubEmitter.Emit(stub)));

        context.RegisterSourceOutput(
            parsed.SelectMany(static (p, _) => p.Diagnostics).WithTrackingName(TrackingNames.Diagnostics),
            static (output, finding) => output.ReportDiagnostic(Diagnostics.Create(finding)));
    }
}
