/* SPDX-License-Identifier: Apache-2.0 */

// Resolves the LLVM jar for the platform of the build. The property llvm.jar is set to its path, or to its coordinates
// if it cannot be resolved. It is not a dependency of the module: dependencies are passed on to users, and the build
// fails if one of them is missing.

import org.eclipse.aether.RepositorySystem
import org.eclipse.aether.artifact.DefaultArtifact
import org.eclipse.aether.resolution.ArtifactRequest
import org.eclipse.aether.resolution.ArtifactResolutionException

String os = System.getProperty('os.name')
String system = os.startsWith('Windows') ? 'windows' : os.startsWith('Mac') ? 'macosx' : os.toLowerCase(Locale.ROOT)
String architecture = [amd64: 'x86_64', aarch64: 'arm64'].withDefault { it }[System.getProperty('os.arch')]
def artifact = new DefaultArtifact('org.bytedeco', 'llvm', "$system-$architecture", 'jar',
    project.properties['llvm.version'])

String jar = artifact
try {
    def request = new ArtifactRequest(artifact, project.remoteProjectRepositories, null)
    jar = session.lookup(RepositorySystem.name).resolveArtifact(session.repositorySession, request).artifact.file
} catch (ArtifactResolutionException e) {
    log.warn(e.message)
}
project.properties['llvm.jar'] = jar
