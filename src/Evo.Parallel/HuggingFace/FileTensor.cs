using Evo.Models;

namespace Evo.Parallel;

/// <summary>A tensor as a model's folder must hold it; what a module keeps stacked or transposed is several of these, or one of another shape.</summary>
/// <param name="Name">Hugging Face's name.</param>
/// <param name="Shape">Shape in the file.</param>
/// <param name="TiedNames">Names under which a tied model's file may repeat it, or hold it instead.</param>
internal sealed record FileTensor(string Name, IReadOnlyList<long> Shape, IReadOnlyList<string> TiedNames)
{
    /// <summary>Every tensor of the given parameters, in their order.</summary>
    internal static IReadOnlyList<FileTensor> Of(IEnumerable<ParameterInfo> parameters) =>
        [.. parameters.SelectMany(p => p.HuggingFaceNames.Select(name => new FileTensor(name, p.HuggingFaceShape, p.TiedNames)))];
}
