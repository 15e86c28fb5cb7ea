using System.Reflection;
using System.Runtime.Loader;

namespace Evo.Parallel;

/// <summary>
/// Where an assembly of models is loaded: what the running program has, Evo first of all, is the program's; what only the
/// assembly brings is found beside it.
/// </summary>
internal sealed class ModelAssemblyContext(string file) : AssemblyLoadContext("models of " + Path.GetFileName(file))
{
    private readonly AssemblyDependencyResolver beside = new(file);

    /// <summary>Loads from memory, so that a build may replace the file while a run goes on.</summary>
    internal Assembly LoadImage(string path, byte[] image)
    {
        var symbols = Path.ChangeExtension(path, ".pdb");
        return File.Exists(symbols)
            ? LoadFromStream(new MemoryStream(image), new MemoryStream(File.ReadAllBytes(symbols)))
            : LoadFromStream(new MemoryStream(image));
    }

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName name)
    {
        try
        {
            // By name alone: a second copy of Evo would be a second set of types, and no record would be a CausalLM.
            return Default.LoadFromAssemblyName(new AssemblyName(name.Name!));
        }
        catch (FileNotFoundException)
        {
            return beside.ResolveAssemblyToPath(name) is { } path ? LoadImage(path, File.ReadAllBytes(path)) : null;
        }
    }
}
