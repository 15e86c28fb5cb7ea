// nn.Module: the state dict, and TorchSharp's own file format for it.

using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public partial class Module
        {
            /// <summary>
            /// All parameters and persistent buffers by dotted name: the module's own tensors, not copies. A tied weight
            /// appears under each of its names, as in PyTorch.
            /// </summary>
            /// <param name="destination">Filled and returned where given.</param>
            /// <param name="prefix">Put before each name, with a dot.</param>
            public virtual Dictionary<string, Tensor> state_dict(Dictionary<string, Tensor>? destination = null, string? prefix = null)
            {
                destination ??= [];
                string Key(string key) => string.IsNullOrEmpty(prefix) ? key : $"{prefix}.{key}";
                foreach (var (key, parameter) in named_parameters()) destination.TryAdd(Key(key), parameter);
                foreach (var (key, buffer) in named_buffers(include_nonpersistent: false)) destination.TryAdd(Key(key), buffer);
                foreach (var (key, child) in _internal_submodules) child.state_dict(destination, Key(key));
                return destination;
            }

            /// <summary>Copies values into the parameters and buffers of the same names.</summary>
            /// <param name="source">Values by dotted name; shapes must be equal, dtypes are converted.</param>
            /// <param name="strict">True: the two sets of names must be equal.</param>
            /// <param name="skip">Names to leave alone and not to compare.</param>
            /// <returns>The names that only the module has, and the names that only the source has.</returns>
            /// <exception cref="InvalidOperationException">Strict, and the names differ; the message lists them.</exception>
            public virtual (IList<string> missing_keys, IList<string> unexpected_keyes) load_state_dict(
                Dictionary<string, Tensor> source, bool strict = true, IList<string>? skip = null)
            {
                skip ??= [];
                var destination = state_dict();
                var missing = destination.Keys.Where(key => !skip.Contains(key) && !source.ContainsKey(key)).ToList();
                var unexpected = source.Keys.Where(key => !skip.Contains(key) && !destination.ContainsKey(key)).ToList();
                if (strict && missing.Count + unexpected.Count > 0)
                    throw new InvalidOperationException(
                        "The loaded state_dict is not identical to the target dictionary."
                        + (missing.Count > 0 ? $" Missing: {string.Join(", ", missing)}." : "")
                        + (unexpected.Count > 0 ? $" Unexpected: {string.Join(", ", unexpected)}." : ""));
                using var frozen = no_grad();
                foreach (var (key, value) in source)
                    if (!skip.Contains(key) && destination.TryGetValue(key, out var target)) target.copy_(value);
                return (missing, unexpected);
            }

            /// <summary>Writes the state dict to a file in TorchSharp's format.</summary>
            /// <param name="location">The file's path; an existing file is replaced.</param>
            /// <param name="skip">Names to leave out.</param>
            public Module save(string location, IList<string>? skip = null)
            {
                using var stream = File.Create(location);
                return save(stream, skip);
            }

            /// <summary>Writes the state dict to a stream in TorchSharp's format, and closes the stream.</summary>
            public Module save(Stream stream, IList<string>? skip = null)
            {
                using var writer = new BinaryWriter(stream);
                return save(writer, skip);
            }

            /// <summary>Writes the state dict in TorchSharp's format.</summary>
            public Module save(BinaryWriter writer, IList<string>? skip = null)
            {
                save_state_dict(writer, state_dict(), skip);
                return this;
            }

            /// <summary>
            /// Writes a state dict: the number of entries (LEB128), and for each its name and its tensor.
            /// </summary>
            public static void save_state_dict(BinaryWriter writer, Dictionary<string, Tensor> sd, IList<string>? skip = null)
            {
                var entries = sd.Where(entry => skip is null || !skip.Contains(entry.Key)).ToList();
                writer.WriteLeb128(entries.Count);
                foreach (var (key, value) in entries)
                {
                    writer.Write(key);
                    value.Save(writer);
                }
            }

            /// <summary>Reads what <see cref="save(string, IList{string})"/> wrote.</summary>
            /// <param name="location">The file's path.</param>
            /// <param name="strict">True: the names in the file must be exactly the module's.</param>
            /// <param name="skip">Names whose values are not to be changed.</param>
            /// <param name="loadedParameters">Filled with every name in the file, and whether the module has it.</param>
            /// <exception cref="FileNotFoundException">There is no such file.</exception>
            /// <exception cref="ArgumentException">Strict, and the names differ; or a shape or dtype differs.</exception>
            public virtual Module load(string location, bool strict = true, IList<string>? skip = null, Dictionary<string, bool>? loadedParameters = null)
            {
                if (!File.Exists(location)) throw new FileNotFoundException($"There is no file {location}.", location);
                using var stream = File.OpenRead(location);
                return load(stream, strict, skip, loadedParameters);
            }

            /// <summary>Reads a state dict from a stream, and closes the stream.</summary>
            public Module load(Stream stream, bool strict = true, IList<string>? skip = null, Dictionary<string, bool>? loadedParameters = null)
            {
                using var reader = new BinaryReader(stream);
                return load(reader, strict, skip, loadedParameters);
            }

            /// <summary>Reads a state dict.</summary>
            public virtual Module load(BinaryReader reader, bool strict = true, IList<string>? skip = null, Dictionary<string, bool>? loadedParameters = null)
            {
                var mine = state_dict();
                var count = reader.ReadLeb128();
                if (strict && count != mine.Count)
                    throw new ArgumentException($"Mismatched state_dict sizes: expected {mine.Count}, but found {count} entries.");
                for (var i = 0L; i < count; i++)
                {
                    var key = reader.ReadString();
                    var found = mine.TryGetValue(key, out var target);
                    if (strict && !found)
                        throw new ArgumentException($"Mismatched module state names: the target modules does not have a submodule or buffer named '{key}'");
                    if (found && skip?.Contains(key) != true) target!.Load(reader);
                    else TensorExtensionMethods.Load(reader, skip: true)?.Dispose();
                    loadedParameters?.Add(key, found);
                }
                return this;
            }

            /// <summary>Makes a module of the given type and loads its state from a file.</summary>
            public static Module Create<T>(string path) where T : Module, new() => new T().load(path);
        }
    }
}
