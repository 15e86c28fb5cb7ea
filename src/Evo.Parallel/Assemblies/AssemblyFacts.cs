using System.Collections.Immutable;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>What a file says about itself as an assembly, read before any of it is loaded.</summary>
internal static class AssemblyFacts
{
    /// <summary>The rooms that an assembly of models may refer to, with the version that runs.</summary>
    private static readonly IReadOnlyDictionary<string, Version> Rooms = new[]
    {
        typeof(Evo.Core.RunConfig), typeof(Evo.Torch.Ops), typeof(Evo.Data.Tokenizer), typeof(CausalLM), typeof(AssemblyFacts),
    }.Select(type => type.Assembly.GetName()).ToDictionary(name => name.Name!, name => name.Version!, StringComparer.Ordinal);

    /// <summary>The version that runs, as packages write it.</summary>
    internal static string Running => Rooms["Evo.Models"].ToString(3);

    /// <summary>Throws unless the image is an assembly that refers to this very version of Evo's models.</summary>
    internal static void Require(string file, byte[] image)
    {
        List<(string Name, Version Version)> references;
        try
        {
            using var portable = new PEReader(ImmutableArray.Create(image));
            if (!portable.HasMetadata)
            {
                throw NotAnAssembly(file, null);
            }

            var reader = portable.GetMetadataReader();
            references = [.. reader.AssemblyReferences
                .Select(reader.GetAssemblyReference)
                .Select(reference => (reader.GetString(reference.Name), reference.Version))];
        }
        catch (BadImageFormatException error)
        {
            throw NotAnAssembly(file, error);
        }

        foreach (var (name, version) in references)
        {
            if (Rooms.TryGetValue(name, out var running) && version != running)
            {
                throw new ModelAssemblyException(
                    file, $"was built with {name} {version.ToString(3)}, and this is Evo {running.ToString(3)}; reference the packages of version {running.ToString(3)} and build it again");
            }
        }

        if (references.All(reference => reference.Name != "Evo.Models"))
        {
            throw ModelAssembly.NoRecord(file);
        }
    }

    private static ModelAssemblyException NotAnAssembly(string file, Exception? error) =>
        new(file, "is no .NET assembly", error);
}
