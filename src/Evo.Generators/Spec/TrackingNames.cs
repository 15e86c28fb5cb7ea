// The names of the pipeline's steps, for tests of their caching.
namespace Evo.Generators.Spec;

internal static class TrackingNames
{
    public const string Parsed = "ParsedSpecs";
    public const string Models = "ModelSpecs";
    public const string Stubs = "StubSpecs";
    public const string Diagnostics = "SpecDiagnostics";
}
