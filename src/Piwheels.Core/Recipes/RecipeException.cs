namespace Piwheels.Core.Recipes;

/// <summary>A recipe that is none. The message is one line, which names the file, its line, the section and the key.</summary>
public sealed class RecipeException(string message, Exception? inner = null) : Exception(message, inner);
