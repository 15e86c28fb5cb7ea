using System.Reflection;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>
/// The models of an assembly that is none of Evo's: every <c>[Model]</c> record in it becomes a family that
/// <c>model_type</c> may name, beside Evo's own.
/// </summary>
public static class ModelAssembly
{
    private static readonly Lock Door = new();

    // A family is known for as long as the process lives, so a file is read once.
    private static readonly Dictionary<string, IReadOnlyList<ModelFamily>> Loaded = new(StringComparer.Ordinal);

    /// <summary>Adds the families of an assembly; loading one twice adds them once.</summary>
    /// <param name="path">A .dll, or a .csproj or .fsproj, which is built in the configuration Release.</param>
    /// <param name="tell">Hears what takes long, in a sentence.</param>
    /// <returns>Its families, in the order of the records' names.</returns>
    /// <exception cref="ModelAssemblyException">It is missing, does not build, is no assembly, was made for another Evo, holds no record of a model, or one whose name is taken.</exception>
    public static IReadOnlyList<ModelFamily> Load(string path, Action<string>? tell = null)
    {
        var full = Path.GetFullPath(path);
        if (!File.Exists(full))
        {
            throw new ModelAssemblyException(full, Directory.Exists(full)
                ? "this is a folder; name the .csproj or .dll in it"
                : "there is no such file");
        }

        var file = Path.GetExtension(full).ToLowerInvariant() switch
        {
            ".dll" => full,
            ".csproj" or ".fsproj" => ModelProject.Build(full, tell),
            _ => throw new ModelAssemblyException(full, "must be an assembly (.dll) or a project (.csproj)"),
        };
        lock (Door)
        {
            if (!Loaded.TryGetValue(file, out var families))
            {
                families = Read(file);
                foreach (var family in families)
                {
                    ModelFamilies.Add(family);
                }

                Loaded.Add(file, families);
            }

            return families;
        }
    }

    private static List<ModelFamily> Read(string file)
    {
        var image = File.ReadAllBytes(file);
        AssemblyFacts.Require(file, image);
        List<(Type Record, ModelFamily Family)> found;
        try
        {
            found = [.. Records(file, new ModelAssemblyContext(file).LoadImage(file, image))];
        }
        catch (Exception error) when (Unfit(error) is { } reason)
        {
            throw new ModelAssemblyException(
                file, $"does not fit this Evo ({AssemblyFacts.Running}): {reason.Message.TrimEnd('.')}. Build it again with the packages of this Evo.", reason);
        }

        if (found.Count == 0)
        {
            throw NoRecord(file);
        }

        RequireNames(file, found);
        return [.. found.Select(pair => pair.Family)];
    }

    internal static ModelAssemblyException NoRecord(string file) =>
        new(file, "holds no record marked [Model]; docs/own-model.md shows how one is written");

    private static IEnumerable<(Type Record, ModelFamily Family)> Records(string file, Assembly assembly)
    {
        foreach (var type in assembly.GetTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            if (type.GetCustomAttribute<ModelAttribute>() is null)
            {
                continue;
            }

            // The generated half; it is the one thing asked for by name.
            yield return type.GetProperty("ModelFamily", BindingFlags.Public | BindingFlags.Static)?.GetValue(null) is ModelFamily family
                ? (type, family)
                : throw new ModelAssemblyException(
                    file, $"the record {type.FullName} has no generated half; its project must reference the package Evo.Models, which brings the generator");
        }
    }

    private static void RequireNames(string file, List<(Type Record, ModelFamily Family)> found)
    {
        foreach (var (record, family) in found)
        {
            if (family.Architecture.Length == 0)
            {
                throw new ModelAssemblyException(
                    file, $"the record {record.FullName} says no class name for config.json; write [Model(\"{family.Name}\", HuggingFace = \"{record.Name}ForCausalLM\")]");
            }

            foreach (var name in (string[])[family.Name, family.Architecture])
            {
                if (ModelFamilies.Find(name) is { } other)
                {
                    throw new ModelAssemblyException(
                        file, $"the record {record.FullName} is called {name}, and so is the family {other.Name} ({other.Architecture}), which is known already; give it another name");
                }

                if (found.FirstOrDefault(pair => pair.Record != record && IsCalled(pair.Family, name)) is { Record: { } twin })
                {
                    throw new ModelAssemblyException(
                        file, $"two records are called {name}, {record.FullName} and {twin.FullName}; a name selects one family");
                }
            }
        }
    }

    private static bool IsCalled(ModelFamily family, string name) =>
        name.Equals(family.Name, StringComparison.OrdinalIgnoreCase) || name.Equals(family.Architecture, StringComparison.OrdinalIgnoreCase);

    // What the runtime throws where a member or type that the assembly was compiled against is not there.
    private static Exception? Unfit(Exception error) => error switch
    {
        ReflectionTypeLoadException { LoaderExceptions: [{ } first, ..] } => first,
        TargetInvocationException or TypeInitializationException => error.InnerException is { } inner ? Unfit(inner) ?? inner : error,
        TypeLoadException or MissingMemberException or FileNotFoundException or FileLoadException or BadImageFormatException => error,
        _ => null,
    };
}
